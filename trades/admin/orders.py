"""Orders: there to be read, and to be asked about while they hang."""

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display

from market.admin.asking import ask
from market.admin.filters import chosen, days, dropdown, filters_of_account
from market.admin.text import number
from trades import services
from trades.admin.of_positions import OfPositions, bot_of, by_bot, symbols, through_positions
from trades.lifecycle import SENT
from trades.models import Order


@admin.register(Order)
class OrderAdmin(OfPositions):
    nothing_yet = "Bots place them: start one, and see in its timeline why it waits."
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
        *filters_of_account("account", through_positions),
        dropdown("symbol", through_positions("position__symbol"), symbols),
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
