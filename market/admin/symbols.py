from decimal import Decimal

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from market.admin.base import ReadOnlyAdmin
from market.admin.filters import environment_filter, market_filter
from market.admin.text import number
from market.models import SymbolRules


def least(row: SymbolRules, name: str) -> str:
    value: Decimal = getattr(row.rules, name)
    return number(value)


@admin.register(SymbolRules)
class SymbolRulesAdmin(ReadOnlyAdmin):
    nothing_yet = "The tasks warm-up-spot-symbols and warm-up-futures-symbols bring them: see Periodic tasks."
    list_display = ["symbol", "environment", "market", "status", "lot_size", "min_notional", "refreshed_at"]
    list_filter = [environment_filter("environment"), market_filter("market")]
    search_fields = ["symbol"]
    ordering = ["symbol", "environment", "market"]

    @display(description="lot size")
    def lot_size(self, row: SymbolRules) -> str:
        return least(row, "lot_size")

    @display(description="minimum notional")
    def min_notional(self, row: SymbolRules) -> str:
        return least(row, "min_notional")

    def has_view_permission(self, request: HttpRequest, obj: SymbolRules | None = None) -> bool:
        """What an exchange publishes is nobody's secret; every member of staff needs it to choose a symbol."""
        return bool(request.user.is_active)
