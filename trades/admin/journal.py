"""Positions, orders, fills, trades and events: there to be read."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from market.admin import runbook
from market.admin.asking import ask
from market.admin.base import ReadOnlyAdmin, sees_all
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
from market.admin.long import LongAdmin
from market.admin.text import NOTHING, number
from market.models import ExchangeAccount
from trades import services
from trades.lifecycle import SENT
from trades.models import Event, Fill, Order, Position, Trade, Transfer, is_open

SYMBOLS_OFFERED = 300
POSITIONS_OF_A_FEW = 1000


def symbols(request: HttpRequest) -> list[tuple[str, str]]:
    """The symbols that somebody traded; positions are far fewer than orders or trades."""
    positions = Position.objects.all() if sees_all(request) else Position.objects.filter(account__owner=request.user.pk)
    names = positions.order_by("symbol").values_list("symbol", flat=True).distinct()[:SYMBOLS_OFFERED]
    return [(name, name) for name in names]


def owned(account: ExchangeAccount) -> tuple[str, str]:
    """Whose account, and which: accounts of different people may have one name."""
    return str(account.owner), str(account)


class OfPositions(LongAdmin):
    """Rows of positions. Of who has only a few positions they are found by these, not by looking through all rows."""

    def owned_by(self, user: Any) -> Q:
        positions = Position.objects.filter(account__owner=user).values_list("pk", flat=True)
        few = list(positions[: POSITIONS_OF_A_FEW + 1])
        return Q(position__in=few) if len(few) <= POSITIONS_OF_A_FEW else super().owned_by(user)


by_bot = named_bots("position", lambda name: Position.objects.filter(bot__name__icontains=name))


def bot_of(position: Position) -> str:
    """The name of the bot that it belongs to."""
    bot = getattr(position, "bot", None)
    return str(bot) if bot else "by hand" if position.by_hand else NOTHING


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
class OrderAdmin(OfPositions):
    owner_path = "account__owner"
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
        days("created_at"),
        chosen("status"),
        chosen("purpose"),
        by_bot,
        *filters_of_account("account"),
        dropdown("symbol", "position__symbol", symbols),
    ]
    list_select_related = ["position__bot"]
    search_fields = ["client_order_id__exact"]
    search_help_text = "The whole client order id"
    ordering = ["-created_at"]

    actions_detail = ["ask_exchange"]

    @display(description="symbol", header=True)
    def symbol(self, order: Order) -> tuple[str, str]:
        return order.position.symbol, bot_of(order.position)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what hangs can be asked about."""
        order = self.get_object(request, str(object_id))
        return super().get_actions_detail(request, object_id) if order and order.status in SENT else []

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Nobody may change an order; who may act on its account may ask about it."""
        return request.user.has_perm("market.change_exchangeaccount")

    @action(
        description="Ask the exchange now",
        permissions=["act"],
        icon="contact_support",
        url_path="ask",
    )
    def ask_exchange(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what the exchange knows of the order, and book it. No transaction is open meanwhile."""
        order = self.get_object(request, object_id)
        if order is None:
            raise Http404(object_id)
        page = reverse("admin:trades_order_change", args=[order.pk])
        if request.method != "POST":
            return ask(
                request,
                title=f"Ask the exchange about {order}",
                button="Ask now",
                says=[
                    f"Our books say: {order.status}. The answer is booked; nothing is sent twice.",
                    "That the exchange does not know it counts only after a while, and twice: ask again, or leave it to"
                    " the sweep.",
                ],
                back=page,
            )
        before = order.status
        error = services.reconcile_order(order, now=timezone.now())
        if error:
            self.message_user(request, f"{order}: {error}", messages.ERROR)
        else:
            news = f"was {before}, is {order.status}" if before != order.status else f"is still {order.status}"
            self.message_user(request, f"{order} {news}; {number(order.filled_quantity)} of it is filled.")
        return HttpResponseRedirect(page)


@admin.register(Fill)
class FillAdmin(OfPositions):
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
        *filters_of_account("account"),
        dropdown("symbol", "symbol", symbols),
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
        owner_filter("position__account__owner"),
        account_filter("position__account"),
        environment_filter("environment"),
        market_filter("market"),
        dropdown("symbol", "symbol", symbols),
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


@admin.register(Event)
class EventAdmin(OfPositions):
    owner_path = "position__account__owner"
    list_display = ["created_at", "kind", "about", "code", "message", "handled_at"]
    list_filter = [
        days("created_at"),
        chosen("kind"),
        by_bot,
        owner_filter("position__account__owner"),
        account_filter("position__account"),
        dropdown("symbol", "position__symbol", symbols),
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
