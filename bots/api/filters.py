"""What lists of bots, and of what they think and hear, may be asked for."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import CharFilter

from bots.models import Backtest, BotConfig, ExternalSignal
from bots.strategies import STRATEGIES
from bots.types import STATUS_OF, Reason, Status
from market.access import visible
from market.api.filtersets import Choice, Number, StrictFilterSet, Word, YesNo, before, since
from market.planning import among_few
from market.types import INTERVALS, Environment, Market

REASONS = [reason for reason in Reason if reason]


class BotFilters(StrictFilterSet):
    """Others' bots do not exist, so that nobody finds them by their owner."""

    status = Choice("state__status", choices=Status)
    reason = Choice("state__reason", choices=REASONS)
    desired_state = Choice(choices=BotConfig.DesiredState)
    entries_paused = YesNo()
    environment = Choice("account__environment", choices=Environment)
    market = Choice(choices=Market)
    symbol = Word(max_length=30, help_text="As the exchange writes it, for example BTCUSDT.")
    interval = Choice(choices=INTERVALS)
    strategy = Choice(choices=STRATEGIES)
    account = Number(help_text="On this account.")
    owner = Word("owner__username", help_text="A user's name; for those who see everybody's rows.")
    search = CharFilter("name", "icontains", max_length=60, help_text="A part of the name.")


class BacktestFilters(StrictFilterSet):
    status = Choice(choices=Backtest.Status)
    environment = Choice(choices=Environment)
    market = Choice(choices=Market)
    symbol = Word(max_length=30, help_text="As the exchange writes it, for example BTCUSDT.")
    interval = Choice(choices=INTERVALS)
    strategy = Choice(choices=STRATEGIES)
    bot = Number(help_text="Copied from this bot.")
    owner = Word("owner__username", help_text="A user's name; for those who see everybody's rows.")
    search = CharFilter("name", "icontains", max_length=60, help_text="A part of the name.")
    asked_at_from, asked_at_to = since("asked_at"), before("asked_at")


class OfBots(StrictFilterSet):
    """Rows of bots. Those are looked for first: of few the rows are found by their numbers, through an index."""

    bot = Number(method="nothing", help_text="Of this bot.")
    environment = Choice(method="nothing", choices=Environment)
    symbol = Word(method="nothing", max_length=30, help_text="As the exchange writes it, for example BTCUSDT.")
    owner = Word(method="nothing", help_text="A user's name; for those who see everybody's rows.")

    where = {"bot": "pk", "environment": "account__environment", "symbol": "symbol", "owner": "owner__username"}

    def nothing(self, rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """All of these are asked together."""
        return rows

    def filter_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        rows = super().filter_queryset(rows)
        told = self.form.cleaned_data
        where = {path: told[name] for name, path in self.where.items() if told.get(name) not in (None, "")}
        if not where:
            return rows
        bots = visible(BotConfig.objects.all(), self.request.user).filter(**where)
        return rows.filter(among_few("bot", bots, Q(**{f"bot__{path}": value for path, value in where.items()})))


class DecisionFilters(OfBots):
    status = Choice(choices=Status)
    reason = Choice(method="of_reason", choices=REASONS)
    created_at_from, created_at_to = since("created_at"), before("created_at")

    def of_reason(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """A reason goes with one status, by which the rare ones are found."""
        return rows.filter(reason=value, status=STATUS_OF[Reason(value)])


class SignalFilters(OfBots):
    outcome = Choice(choices=[item for item in ExternalSignal.Outcome if item])
    sender_id = Word(max_length=100, help_text="The sender's name of it.")
    received_at_from, received_at_to = since("received_at"), before("received_at")
