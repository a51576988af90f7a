"""Positions, orders, fills, trades and events: there to be read."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from market.admin.base import ReadOnlyAdmin, sees_all
from market.admin.filters import (
    account_filter,
    chosen,
    dropdown,
    environment_filter,
    filters_of_account,
    market_filter,
    owner_filter,
)
from market.models import ExchangeAccount
from trades.models import Event, Fill, Order, Position, Trade, Transfer, is_open

SYMBOLS_OFFERED = 300


def symbols(request: HttpRequest) -> list[tuple[str, str]]:
    """The symbols that somebody traded; positions are far fewer than orders or trades."""
    positions = Position.objects.all() if sees_all(request) else Position.objects.filter(account__owner=request.user.pk)
    names = positions.order_by("symbol").values_list("symbol", flat=True).distinct()[:SYMBOLS_OFFERED]
    return [(name, name) for name in names]


def owned(account: ExchangeAccount) -> tuple[str, str]:
    """Whose account, and which: accounts of different people may have one name."""
    return str(account.owner), str(account)


class OpenFilter(admin.SimpleListFilter):
    title = "position"
    parameter_name = "position"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("flat", "flat")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Position]) -> QuerySet[Position]:
        if self.value() == "open":
            return rows.filter(is_open())
        return rows.exclude(is_open()) if self.value() == "flat" else rows


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin):
    owner_path = "account__owner"
    list_display = [
        *("id", "symbol", "owned", "quantity", "entry_price", "realized_pnl", "fees", "funding", "round", "closed_at")
    ]
    list_filter = [
        OpenFilter,
        *filters_of_account("account"),
        dropdown("symbol", "symbol", symbols),
    ]
    list_select_related = ["account__owner"]
    search_fields = ["symbol", "account__name", "account__owner__username"]
    ordering = ["-id"]

    @display(description="account", ordering="account__owner__username", header=True)
    def owned(self, position: Position) -> tuple[str, str]:
        return owned(position.account)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    owner_path = "position__account__owner"
    list_display = [
        "created_at",
        "symbol",
        "purpose",
        "side",
        "quantity",
        "filled_quantity",
        "reference_price",
        "status",
        "reason",
        "error",
    ]
    list_filter = [
        chosen("status"),
        chosen("purpose"),
        *filters_of_account("position__account"),
        dropdown("symbol", "position__symbol", symbols),
    ]
    list_select_related = ["position"]
    search_fields = ["client_order_id", "position__symbol", "exchange_order_id"]
    ordering = ["-id"]

    @display(description="symbol", ordering="position__symbol")
    def symbol(self, order: Order) -> str:
        return order.position.symbol


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    owner_path = "account__owner"
    list_display = [
        "executed_at",
        "symbol",
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
        *filters_of_account("account"),
        dropdown("symbol", "symbol", symbols),
    ]
    list_select_related = ["account__owner", "order"]
    search_fields = ["symbol", "exchange_trade_id", "order__client_order_id"]
    ordering = ["-id"]

    @display(description="side")
    def side(self, fill: Fill) -> str:
        return fill.order.side

    @display(description="account", ordering="account__owner__username", header=True)
    def owned(self, fill: Fill) -> tuple[str, str]:
        return owned(fill.account)


@admin.register(Trade)
class TradeAdmin(ReadOnlyAdmin):
    owner_path = "position__account__owner"
    list_display = [
        "created_at",
        "symbol",
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
        chosen("purpose"),
        owner_filter("position__account__owner"),
        account_filter("position__account"),
        environment_filter("environment"),
        market_filter("market"),
        dropdown("symbol", "symbol", symbols),
    ]
    list_select_related = ["position__account__owner"]
    search_fields = ["symbol", "binance_order_id", "order__client_order_id"]
    ordering = ["-id"]

    @display(description="account", ordering="position__account__owner__username", header=True)
    def owned(self, trade: Trade) -> tuple[str, str]:
        return owned(trade.position.account)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    owner_path = "position__account__owner"
    list_display = ["created_at", "kind", "about", "message", "handled_at"]
    list_filter = [
        chosen("kind"),
        owner_filter("position__account__owner"),
        account_filter("position__account"),
        dropdown("symbol", "position__symbol", symbols),
    ]
    list_select_related = ["position", "account", "user"]
    search_fields = ["message", "position__symbol"]
    ordering = ["-id"]

    def owned_by(self, user: Any) -> Q:
        return super().owned_by(user) | Q(account__owner=user) | Q(user=user)

    @display(description="about", ordering="position__symbol")
    def about(self, event: Event) -> str:
        if event.position:
            return event.position.symbol
        return str(event.account or event.user or "the platform")


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
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
