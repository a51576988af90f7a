"""What one bot, or one hand, holds."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import F, Q

from market.fields import AmountField
from market.models import ExchangeAccount
from market.writing import QuickModel
from trades.booking import Figures
from trades.pnl import Holding

if TYPE_CHECKING:
    from trades.models.terms import TermsInForce


def is_open(path: str = "") -> Q:
    """The condition behind `Position.is_open`, for rows that reach their position by ``path`` (``position__``)."""
    smallest = F(f"{path}smallest_quantity")
    return Q(**{f"{path}quantity__gte": smallest}) | Q(**{f"{path}quantity__lte": -smallest})


class PositionQuerySet(models.QuerySet["Position"]):
    def owned_by(self, user: AbstractBaseUser) -> "PositionQuerySet":
        return self.filter(account__owner=user)

    def open(self) -> "PositionQuerySet":
        """Positions that can be closed; a commission in base asset leaves crumbs that nobody can sell."""
        return self.filter(is_open())


class Position(QuickModel):
    """The sub-ledger of one bot, or one hand, on one symbol of one account. It outlives every order in it."""

    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="positions")
    symbol = models.CharField(max_length=30)
    base_asset = models.CharField(max_length=20)
    quote_asset = models.CharField(max_length=20)
    smallest_quantity = AmountField(help_text="What the exchange trades at least: less is dust, and no position.")
    by_hand = models.BooleanField(default=False, help_text="Its orders are placed by a person, not by a bot.")
    quantity = AmountField(default=Decimal(0), help_text="In base asset; negative for a short position.")
    entry_price = AmountField(default=Decimal(0), help_text="Average price of what is held, in quote asset.")
    realized_pnl = AmountField(default=Decimal(0), help_text="In quote asset, net of fees.")
    fees = AmountField(default=Decimal(0), help_text="All commissions so far, in quote asset.")
    funding = AmountField(
        default=Decimal(0), help_text="Futures: funding and liquidation fees, received less paid; part of realized_pnl."
    )
    round = models.PositiveIntegerField(default=0, help_text="How many times it has been opened.")
    opened_at = models.DateTimeField(null=True, help_text="When the first entry of this round was filled.")
    closed_at = models.DateTimeField(null=True, help_text="When the last exit was filled.")
    naked_since = models.DateTimeField(
        null=True, help_text="Since when it has been open without a stop that rests at the exchange."
    )
    bookmark = models.JSONField(
        default=dict,
        editable=False,
        help_text="For booking alone: the newest fill, and the figures before this round, where late fills go in.",
    )

    objects = PositionQuerySet.as_manager()

    class Meta:
        constraints = [
            # Target of bots' composite foreign key: a bot and its position agree on account and symbol.
            models.UniqueConstraint(fields=["id", "account", "symbol"], name="position_id_account_symbol"),
            models.UniqueConstraint(
                fields=["account", "symbol"], name="position_one_by_hand", condition=Q(by_hand=True)
            ),
        ]
        # What is at stake on an account is counted for every entry, however many of its positions are flat.
        indexes = [
            models.Index(name="position_held", fields=["account"], condition=~Q(quantity=0)),
            models.Index(name="position_closed", fields=["account", "closed_at"]),
        ]

    def __str__(self) -> str:
        return f"position {self.pk} on {self.symbol}"

    @property
    def is_open(self) -> bool:
        """Whether there is something to sell or buy back; dust is not."""
        return abs(self.quantity) >= self.smallest_quantity

    @property
    def known_terms(self) -> "TermsInForce | None":
        """Of futures: what the exchange has confirmed of it so far."""
        return getattr(self, "terms", None)

    @property
    def holding(self) -> Holding:
        return Holding(self.quantity, self.entry_price, self.realized_pnl, self.fees)

    @property
    def figures(self) -> Figures:
        """What its fills come to so far."""
        start = self.bookmark.get("start")
        return Figures(
            Holding(self.quantity, self.entry_price, self.realized_pnl - self.funding, self.fees),
            self.round,
            self.opened_at,
            self.closed_at,
            self.bookmark.get("opened_by"),
            self.bookmark.get("newest", -1),
            Figures.unpacked(start) if start else None,
        )

    def take(self, figures: Figures) -> None:
        """Take over what the rules computed from its fills; the caller saves."""
        holding, start = figures.holding, figures.start
        self.quantity, self.entry_price, self.fees = holding.quantity, holding.entry_price, holding.fees
        self.realized_pnl = holding.realized_pnl + self.funding
        self.round, self.opened_at, self.closed_at = figures.round, figures.opened_at, figures.closed_at
        self.bookmark = {
            "newest": figures.newest,
            "opened_by": figures.opened_by,
            "start": start.packed() if start else None,
        }
