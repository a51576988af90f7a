"""What the lists of the journal are filtered by.

What is said of a position (whose, where, which symbol, which bot) is answered by looking for the positions first: of
few the rows are found by these, through the index on position and moment (docs/decisions/0016-lists-of-millions.md).
"""

from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from market.access import sees_all, visible
from market.api.filtersets import Choice, Number, StrictFilterSet, Word, YesNo, before, since
from market.models import ExchangeAccount
from market.planning import among_few
from market.types import Environment, Market, Side
from trades.lifecycle import OrderPurpose, OrderStatus
from trades.models import Event, Position, is_open
from trades.transfers import TransferStatus

IN_ACCOUNT = {  # how a position's path begins at its account
    "account": "pk",
    "account__environment": "environment",
    "account__market": "market",
    "account__owner": "owner",
}


class OfAccounts(StrictFilterSet):
    """Rows that lead to an account."""

    account = Number(help_text="Of this account.")
    environment = Choice(choices=Environment)
    market = Choice(choices=Market)
    owner = Word(help_text="A user's name; for those who see everybody's rows.")

    where: ClassVar[dict[str, str]] = {
        "account": "account",
        "environment": "account__environment",
        "market": "account__market",
        "owner": "account__owner",
    }

    def filter_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        told = {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")}
        for name in told.keys() - self.where.keys():
            rows = self.filters[name].filter(rows, told[name])
        if "owner" in told:
            user = User.objects.filter(username=told["owner"]).values_list("pk", flat=True).first()
            if user is None:
                return rows.none()
            told["owner"] = user
        return self.narrowed(rows, {path: told[name] for name, path in self.where.items() if name in told})

    def narrowed(self, rows: QuerySet[Any], where: dict[str, Any]) -> QuerySet[Any]:
        """The rows of which this is true; the paths are a position's, or an account's."""
        return rows.filter(**where)


class OfPositions(OfAccounts):
    """Rows of positions."""

    symbol = Word(max_length=30, help_text="As the exchange writes it, for example BTCUSDT.")
    bot = Number(help_text="Of this bot.")
    by_hand = YesNo(help_text="Whether a person trades, or a bot.")
    position = Number(help_text="Of this position.")

    where: ClassVar[dict[str, str]] = OfAccounts.where | {
        "symbol": "symbol",
        "bot": "bot",
        "by_hand": "by_hand",
        "position": "pk",
    }

    def narrowed(self, rows: QuerySet[Any], where: dict[str, Any]) -> QuerySet[Any]:
        """Whose rows they are is said by the view already; said once more the few positions of one user are found."""
        if not where and sees_all(self.request.user):
            return rows
        positions = visible(Position.objects.all(), self.request.user, owner="account__owner").filter(**where)
        otherwise = Q(**{f"position__{path}": value for path, value in where.items()})
        return rows.filter(among_few("position", positions, otherwise))


class OrderFilters(OfPositions):
    status = Choice(choices=OrderStatus)
    purpose = Choice(choices=OrderPurpose)
    side = Choice(choices=Side)
    client_order_id = Word(max_length=36, help_text="The whole of it.")
    created_at_from, created_at_to = since("created_at"), before("created_at")


class FillFilters(OfPositions):
    order = Number(help_text="Of this order.")
    side = Choice("order__side", choices=Side)
    executed_at_from, executed_at_to = since("executed_at"), before("executed_at")


class TradeFilters(OfPositions):
    purpose = Choice(choices=OrderPurpose)
    side = Choice(choices=Side)
    created_at_from, created_at_to = since("created_at"), before("created_at")


class PositionFilters(OfPositions):
    is_open = YesNo(method="held", help_text="Whether there is more than dust to sell or buy back.")
    position = None  # type: ignore[assignment] # it is its own number

    where: ClassVar[dict[str, str]] = {name: path for name, path in OfPositions.where.items() if name != "position"}

    def held(self, rows: QuerySet[Position], name: str, value: bool) -> QuerySet[Position]:
        return rows.filter(is_open()) if value else rows.exclude(is_open())

    def narrowed(self, rows: QuerySet[Any], where: dict[str, Any]) -> QuerySet[Any]:
        return rows.filter(**where)


class EventFilters(OfPositions):
    """News of positions, and of accounts as a whole where they are asked for by what accounts have."""

    kind = Choice(choices=Event.Kind)
    order = Number(help_text="About this order.")
    created_at_from, created_at_to = since("created_at"), before("created_at")

    def narrowed(self, rows: QuerySet[Any], where: dict[str, Any]) -> QuerySet[Any]:
        if not where:
            return rows
        user = self.request.user
        positions = visible(Position.objects.all(), user, owner="account__owner").filter(**where)
        found = among_few("position", positions, Q(**{f"position__{path}": value for path, value in where.items()}))
        if where.keys() <= IN_ACCOUNT.keys():
            of_account = {
                ("pk" if path == "account" else path.removeprefix("account__")): where[path] for path in where
            }
            accounts = visible(ExchangeAccount.objects.all(), user).filter(**of_account)
            found |= among_few("account", accounts, Q(**where))
        if where.keys() == {"account__owner"}:
            found |= Q(user=where["account__owner"])
        return rows.filter(found)


class TransferFilters(OfAccounts):
    status = Choice(choices=TransferStatus)
    asset = Word(max_length=20)
    to_futures = YesNo(help_text="From spot to futures; else the other way.")
    created_at_from, created_at_to = since("created_at"), before("created_at")
