"""Decisions, ticks and readings: there to be read."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from bots.models import Decision, ExternalSignal, SeriesReading, Tick
from bots.types import Reason, Status
from market.admin.base import ReadOnlyAdmin, sees_all
from market.admin.filters import dropdown, environment_filter, interval_filter, market_filter, owner_filter
from market.admin.text import NOTHING, span


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    owner_path = "bot__owner"
    list_display = ["created_at", "bot", "status", "reason", "text", "denial_code", "price", "order_id"]
    list_filter = [
        dropdown("status", "status", lambda request: [(item.value, item.value) for item in Status]),
        dropdown("reason", "reason", lambda request: [(item.value, item.value) for item in Reason if item]),
        owner_filter("bot__owner"),
    ]
    list_select_related = ["bot"]
    search_fields = ["text", "bot__name", "bot__symbol"]
    ordering = ["-id"]


@admin.register(ExternalSignal)
class ExternalSignalAdmin(ReadOnlyAdmin):
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
    list_display = ["slot", "bots", "acting", "parts", "parts_done", "took", "finished_at", "doubles"]
    ordering = ["-slot"]

    @display(description="took")
    def took(self, tick: Tick) -> str:
        return span(tick.duration) if tick.duration is not None else NOTHING


@admin.register(SeriesReading)
class SeriesReadingAdmin(ReadOnlyAdmin):
    list_display = ["symbol", "interval", "environment", "market", "price", "candle_close_at", "evaluated_at"]
    list_filter = [environment_filter("environment"), market_filter("market"), interval_filter()]
    search_fields = ["symbol"]
    ordering = ["symbol", "interval"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Without the texts for ordinary staff: they name the parameters of everybody's bots."""
        fields = super().get_fields(request, obj)
        return fields if sees_all(request) else [field for field in fields if field != "texts"]
