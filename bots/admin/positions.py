"""Positions with the bot that each belongs to, and what closing it now would add: prices are known to the bots."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display
from unfold.views import ChangeList

from bots.models import SeriesReading
from market.admin import text
from market.types import Series
from trades.admin.journal import PositionAdmin
from trades.models import Position


def last_prices(positions: Sequence[Position]) -> dict[int, Decimal]:
    """By position id, in one query: the last price of its bot's series, else that which a tick saw last of its symbol.

    Those are left out of which no tick has seen a price.
    """
    readings = SeriesReading.objects.filter(symbol__in={position.symbol for position in positions}, price__isnull=False)
    of_series, of_symbol = dict[Series, Decimal](), dict[tuple[str, str, str], Decimal]()
    for row in readings.defer("texts").order_by("evaluated_at"):
        assert row.price is not None
        of_series[Series(row.environment, row.market, row.symbol, row.interval)] = row.price
        of_symbol[row.environment, row.market, row.symbol] = row.price
    found = dict[int, Decimal]()
    for position in positions:
        bot, symbol = getattr(position, "bot", None), _symbol(position)
        price = of_series.get(Series(*symbol, bot.interval)) if bot else None
        if price is None:
            price = of_symbol.get(symbol)
        if price is not None:
            found[position.pk] = price
    return found


def _symbol(position: Position) -> tuple[str, str, str]:
    return position.account.environment, position.account.market, position.symbol


class PricedChangeList(ChangeList):
    """A page of positions, each with the last price of what it holds."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        positions = list(self.result_list)
        prices = last_prices([position for position in positions if position.is_open])
        for position in positions:
            position.last_price = prices.get(position.pk)
        self.result_list = positions


@admin.register(Position)
class PricedPositionAdmin(PositionAdmin):
    list_display = [
        *("id", "traded", "owned", "quantity", "entry_price", "unrealized", "realized_pnl", "fees", "funding", "round"),
        "closed_at",
    ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PricedChangeList

    @display(description="unrealised P&L")
    def unrealized(self, position: Any) -> str:
        if not position.is_open:
            return text.NOTHING
        if position.last_price is None:
            return "no price yet"
        return text.signed(position.holding.unrealized_pnl(position.last_price))
