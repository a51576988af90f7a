"""Orders by hand: what people asked for, and what has become of it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from market.admin.base import ReadOnlyAdmin
from market.admin.filters import chosen, days, dropdown, filters_of_account
from market.admin.text import NOTHING
from trades.admin.of_positions import owned, symbols
from trades.models import OrderByHand


@admin.register(OrderByHand)
class OrderByHandAdmin(ReadOnlyAdmin):
    nothing_yet = "What programs ask for by POST /api/tasks/execute-trade is told here, also when no order came of it."
    owner_path = "user"
    list_display = ["created_at", "wanted", "status", "became", "code", "message", "asked_by", "owned"]
    list_filter = [
        days("created_at"),
        chosen("status"),
        *filters_of_account("account"),
        dropdown("symbol", "symbol", symbols),
    ]
    list_select_related = ["account__owner", "asked_by", "order"]
    search_fields = ["task_id", "symbol", "code"]
    search_help_text = "Number of the task, symbol or code"
    ordering = ["-pk"]

    def get_fields(self, request: HttpRequest, obj: OrderByHand | None = None) -> list[Any]:
        """The order as a link; it tells the rest."""
        return ["became" if name == "order" else name for name in super().get_fields(request, obj)]

    @display(description="wanted")
    def wanted(self, asked: OrderByHand) -> str:
        return f"{asked} ({asked.type})"

    @display(description="order")
    def became(self, asked: OrderByHand) -> SafeString | str:
        if asked.order is None:
            return NOTHING
        page = reverse("admin:trades_order_change", args=[asked.order.pk])
        return format_html('<a class="underline" href="{}">{}</a>', page, asked.order.status)

    @display(description="account", ordering="account__owner__username", header=True)
    def owned(self, asked: OrderByHand) -> tuple[str, str]:
        return owned(asked.account)
