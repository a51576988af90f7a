"""Decisions, ticks and readings: there to be read."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from bots.admin.filters import symbols_of_bots
from bots.models import BotConfig, Decision, ExternalSignal, SeriesReading, Tick
from bots.types import STATUS_OF, Reason, Status
from market.access import sees_all
from market.admin.base import ReadOnlyAdmin
from market.admin.filters import (
    account_filter,
    days,
    dropdown,
    environment_filter,
    interval_filter,
    market_filter,
    named_bots,
    owner_filter,
)
from market.admin.long import LongAdmin
from market.admin.text import NOTHING, span
from market.planning import among_few

by_bot = named_bots("bot", lambda name: BotConfig.objects.filter(name__icontains=name), owner="owner")


def through_bots(path: str) -> Callable[[Any], Q]:
    """How decisions are compared with what ``path`` leads to from their bot."""

    def condition(value: Any) -> Q:
        return among_few("bot", BotConfig.objects.filter(**{path: value}), Q(**{f"bot__{path}": value}))

    return condition


class ReasonFilter(DropdownFilter):
    """A reason goes with one status, by which the rare ones are found."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(item.value, item.value) for item in Reason if item]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return rows
        if value not in set(Reason):
            return rows.none()
        return rows.filter(reason=value, status=STATUS_OF[Reason(value)])


@admin.register(Decision)
class DecisionAdmin(LongAdmin):
    nothing_yet = "Start a bot: each minute it writes down what it decides, and why."
    owner_path = "bot__owner"
    list_display = ["created_at", "bot", "status", "reason", "text", "denial_code", "price", "order_id"]
    list_filter = [
        days("created_at"),
        dropdown("status", "status", lambda request: [(item.value, item.value) for item in Status]),
        ReasonFilter,
        by_bot,
        owner_filter(through_bots("owner")),
        account_filter(through_bots("account")),
        dropdown("symbol", through_bots("symbol"), symbols_of_bots),
    ]
    list_select_related = ["bot"]
    ordering = ["-created_at"]

    def owned_by(self, user: Any) -> Q:
        return through_bots("owner")(user)


@admin.register(ExternalSignal)
class ExternalSignalAdmin(ReadOnlyAdmin):
    nothing_yet = (
        "Bots with the strategy webhook_signal get them from outside; the page of such a bot gives address and secret."
    )
    owner_path = "bot__owner"
    list_display = ["received_at", "bot", "action", "sender_id", "sent_at", "outcome", "handled_at", "order_id"]
    list_filter = [
        dropdown("outcome", "outcome", lambda request: [item for item in ExternalSignal.Outcome.choices if item[0]]),
        owner_filter("bot__owner"),
    ]
    list_select_related = ["bot"]
    search_fields = ["sender_id", "bot__name"]
    ordering = ["-id"]


@admin.register(Tick)
class TickAdmin(ReadOnlyAdmin):
    nothing_yet = "Each minute makes one while beat and the workers run: make up starts them."
    list_display = ["slot", "bots", "acting", "parts", "parts_done", "took", "finished_at", "doubles"]
    ordering = ["-slot"]

    @display(description="took")
    def took(self, tick: Tick) -> str:
        return span(tick.duration) if tick.duration is not None else NOTHING


@admin.register(SeriesReading)
class SeriesReadingAdmin(ReadOnlyAdmin):
    """What others trade is theirs to know: who does not see all sees the series of their own bots."""

    nothing_yet = "The first tick of an active bot makes one for each series that is traded."
    list_display = ["symbol", "interval", "environment", "market", "price", "candle_close_at", "evaluated_at"]
    list_filter = [environment_filter("environment"), market_filter("market"), interval_filter()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SeriesReading]:
        readings: QuerySet[SeriesReading] = super().get_queryset(request)
        if sees_all(request.user):
            return readings
        series = {name: OuterRef(name) for name in ("symbol", "interval", "market")}
        own = BotConfig.objects.filter(owner=request.user.pk, account__environment=OuterRef("environment"), **series)
        return readings.filter(Exists(own))

    search_fields = ["symbol"]
    ordering = ["symbol", "interval"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Without the texts for ordinary staff: they name the parameters of everybody's bots."""
        fields = super().get_fields(request, obj)
        return fields if sees_all(request.user) else [field for field in fields if field != "texts"]
