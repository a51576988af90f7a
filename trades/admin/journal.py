"""Positions, fills, trades, events and transfers: there to be read."""

import re
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import TextFilter
from unfold.decorators import display

from market.admin import runbook
from market.admin.base import ReadOnlyAdmin
from market.admin.filters import (
    account_filter,
    chosen,
    days,
    dropdown,
    environment_filter,
    filters_of_account,
    market_filter,
    named_bots,
    owner_filter,
)
from market.admin.text import NOTHING
from market.models import ExchangeAccount
from trades.admin.of_positions import OfPositions, bot_of, by_bot, named, owned, symbols, through_positions
from trades.models import Event, Fill, Position, Trade, Transfer, is_open


class OpenFilter(admin.SimpleListFilter):
    title = "position"
    parameter_name = "position"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("flat", "flat")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Position]) -> QuerySet[Position]:
        if self.value() == "open":
            return rows.filter(is_open())
        return rows.exclude(is_open()) if self.value() == "flat" else rows


class PositionAdmin(ReadOnlyAdmin):
    """Registered by ``bots.admin``, which knows prices."""

    nothing_yet = "Each bot has one from its beginning: add a bot."
    owner_path = "account__owner"
    list_filter = [
        OpenFilter,
        named_bots("pk", named, owner="account__owner"),
        *filters_of_account("account"),
        dropdown("symbol", "symbol", symbols),
    ]
    list_select_related = ["account__owner", "bot"]
    search_fields = ["symbol", "account__name", "account__owner__username"]
    ordering = ["-id"]

    @display(description="symbol", ordering="symbol", header=True)
    def traded(self, position: Position) -> tuple[str, str]:
        return position.symbol, bot_of(position)

    @display(description="account", ordering="account__owner__username", header=True)
    def owned(self, position: Position) -> tuple[str, str]:
        return owned(position.account)


@admin.register(Fill)
class FillAdmin(OfPositions):
    nothing_yet = "The exchange reports them for orders that are executed: start a bot."
    owner_path = "account__owner"
    list_display = [
        "executed_at",
        "traded",
        "side",
        "price",
        "quantity",
        "quote_quantity",
        "commission",
        "commission_asset",
        "commission_quote",
        "owned",
    ]
    list_filter = [
        days("executed_at"),
        by_bot,
        *filters_of_account("account", through_positions),
        dropdown("symbol", through_positions("symbol"), symbols),
    ]
    list_select_related = ["account__owner", "order", "position__bot"]
    search_fields = ["order__client_order_id__exact"]
    search_help_text = "The whole client order id"
    ordering = ["-executed_at"]

    @display(description="symbol", header=True)
    def traded(self, fill: Fill) -> tuple[str, str]:
        return fill.symbol, bot_of(fill.position)

    @display(description="side")
    def side(self, fill: Fill) -> str:
        return fill.order.side

    @display(description="account", header=True)
    def owned(self, fill: Fill) -> tuple[str, str]:
        return owned(fill.account)


@admin.register(Trade)
class TradeAdmin(OfPositions):
    nothing_yet = "A trade is the booked result of an order: start a bot, and see in its timeline why it waits."
    owner_path = "position__account__owner"
    list_display = [
        "created_at",
        "traded",
        "purpose",
        "side",
        "price",
        "quantity_filled",
        "quote_quantity",
        "commission_quote",
        "realized_pnl",
        "owned",
    ]
    list_filter = [
        days("created_at"),
        chosen("purpose"),
        by_bot,
        owner_filter(through_positions("position__account__owner")),
        account_filter(through_positions("position__account")),
        environment_filter(through_positions("environment", "account__environment")),
        market_filter(through_positions("market", "account__market")),
        dropdown("symbol", through_positions("symbol"), symbols),
    ]
    list_select_related = ["position__account__owner", "position__bot"]
    search_fields = ["order__client_order_id__exact"]
    search_help_text = "The whole client order id"
    ordering = ["-created_at"]

    @display(description="symbol", header=True)
    def traded(self, trade: Trade) -> tuple[str, str]:
        return trade.symbol, bot_of(trade.position)

    @display(description="account", header=True)
    def owned(self, trade: Trade) -> tuple[str, str]:
        return owned(trade.position.account)


class CodeFilter(TextFilter):
    """Denials by the name of their check, rejections by the exchange's number."""

    title = "code of a denial or rejection"
    parameter_name = "code"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        code = (self.value() or "").strip()
        if not code:
            return queryset
        codes: list[Any] = [code, int(code)] if re.fullmatch(r"-?[0-9]{1,9}", code) else [code]
        return queryset.filter(kind__in=[Event.Kind.ORDER_DENIED, Event.Kind.ORDER_REJECTED], data__code__in=codes)


@admin.register(Event)
class EventAdmin(OfPositions):
    nothing_yet = "What happens to bots, orders and accounts is told here."
    owner_path = "position__account__owner"
    list_display = ["created_at", "kind", "about", "code", "message", "handled_at"]
    list_filter = [
        days("created_at"),
        chosen("kind"),
        by_bot,
        owner_filter(through_positions("position__account__owner")),
        account_filter(through_positions("position__account")),
        environment_filter(through_positions("position__account__environment")),
        dropdown("symbol", through_positions("position__symbol"), symbols),
        CodeFilter,
    ]
    list_select_related = ["position", "account", "user"]
    ordering = ["-created_at"]

    def get_fields(self, request: HttpRequest, obj: Event | None = None) -> list[Any]:
        """With what to do about it, where somebody has to do something."""
        return [*super().get_fields(request, obj), *(["what_to_do"] if obj and runbook.has_section(obj.kind) else [])]

    @display(description="runbook")
    def what_to_do(self, event: Event) -> SafeString:
        return runbook.link(event.kind)

    def owned_by(self, user: Any) -> Q:
        accounts = list(ExchangeAccount.objects.filter(owner=user).values_list("pk", flat=True))
        return super().owned_by(user) | Q(account__in=accounts) | Q(user=user)

    @display(description="code")
    def code(self, event: Event) -> str:
        """Why an order was denied by us, or rejected by the exchange."""
        return str(event.data.get("code") or NOTHING)

    @display(description="about")
    def about(self, event: Event) -> str:
        if event.position:
            return event.position.symbol
        return str(event.account or event.user or "the platform")


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    nothing_yet = (
        "Money that moves between spot and futures is told here; transfers are off unless TRANSFERS_ENABLED is set."
    )
    owner_path = "owner"
    list_display = ["created_at", "amount", "asset", "way", "status", "error", "asked_by", "finished_at", "owned"]
    list_filter = [chosen("status"), *filters_of_account("account")]
    list_select_related = ["account__owner"]
    search_fields = ["idempotency_key", "transaction_id", "asset", "account__name"]
    ordering = ["-id"]

    @display(description="way", ordering="to_futures")
    def way(self, transfer: Transfer) -> str:
        return "spot → futures" if transfer.to_futures else "futures → spot"

    @display(description="account", ordering="account__owner__username", header=True)
    def owned(self, transfer: Transfer) -> tuple[str, str]:
        return owned(transfer.account)
