"""Candles, order books and prices: from what all processes share, and from the exchange for what is not there."""

from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, reads
from market.api.asking import asked, asking_the_exchange
from market.api.market_rows import (
    LOOKED_AT_FOR,
    CandlesQuery,
    CandlesSerializer,
    OrderBookSerializer,
    PricesQuery,
    PricesSerializer,
    SymbolQuery,
    candle_rows,
    newest,
)
from market.api.refusals import Unavailable
from market.api.views import ApiView
from market.candles import StaleData, keep_for, kept_candles, known_candles, refresh
from market.models import SymbolRules
from market.order_book import known_book, order_book
from market.prices import known_prices, last_prices
from market.symbols import known_rules
from market.types import Candles, Series


class MarketDataView(ApiView):
    """What an exchange publishes. Nobody can make us ask it for a symbol that it does not list."""

    needs: ClassVar[dict[str, Need]] = {"get": reads("market.view_symbolrules")}
    also_refuses: ClassVar[set[int]] = {404, 409, 503}


class CandlesView(MarketDataView):
    """GET the newest closed candles of a series, with their age."""

    @extend_schema(summary="Candles", parameters=[CandlesQuery], responses={200: CandlesSerializer})
    def get(self, request: Request) -> Response:
        """Of an exchange that does not answer what is still known is told, as stale."""
        wanted, now = asked(CandlesQuery, request), timezone.now()
        limit = wanted.pop("limit")
        series = _known(Series(**wanted))
        candles, trouble = _candles(request, series, now=now)
        shown, closed_at = newest(candles, limit), candles.close_at(series.duration)
        return Response(
            {
                **wanted,
                "closed_at": closed_at,
                "age_seconds": int((now - closed_at).total_seconds()),
                "is_stale": bool(trouble),
                "trouble": trouble,
                "candles": candle_rows(shown),
            }
        )


def _candles(request: Request, series: Series, *, now: datetime) -> tuple[Candles, str]:
    """The candles, and why they are stale. Raises Unavailable when there are none at all."""
    if (current := known_candles([series], now=now).get(series)) is not None:
        return current, ""
    try:
        with asking_the_exchange(request):
            return refresh(series, now=now, keep=min(keep_for(series), LOOKED_AT_FOR)), ""
    except (Unavailable, StaleData) as error:
        kept = kept_candles(series)
        if kept is None or not len(kept):
            raise error if isinstance(error, Unavailable) else Unavailable(str(error)) from error
        return kept, str(error)


class OrderBookView(MarketDataView):
    """GET the order book of a symbol, at most a second old."""

    @extend_schema(summary="Order book", parameters=[SymbolQuery], responses={200: OrderBookSerializer})
    def get(self, request: Request) -> Response:
        """The 20 best levels of each side, the spread, and what is offered near the best prices."""
        wanted, now = asked(SymbolQuery, request), timezone.now()
        _require_symbol(**wanted)
        book = known_book(**wanted, now=now)
        if book is None:
            with asking_the_exchange(request):
                book = order_book(**wanted, now=now)
        return Response(OrderBookSerializer(book).data)


class PricesView(MarketDataView):
    """GET the last prices of some symbols, at most a few seconds old."""

    @extend_schema(summary="Prices", parameters=[PricesQuery], responses={200: PricesSerializer})
    def get(self, request: Request) -> Response:
        """What the exchange has no price of is named, too."""
        wanted, now = asked(PricesQuery, request), timezone.now()
        names = wanted.pop("symbols")
        found = known_prices(**wanted, now=now)
        if not all(name in found for name in names):
            with asking_the_exchange(request):
                prices = last_prices(**wanted, now=now)
                found = {name: price for name in names if (price := _price_of(prices, name)) is not None}
        told = [{"symbol": name, "price": found[name].value, "at": found[name].at} for name in names if name in found]
        missing = [name for name in names if name not in found]
        return Response(PricesSerializer({"prices": told, "missing": missing}).data)


def _price_of(prices: Any, name: str) -> Any:
    try:
        return prices[name]
    except KeyError:
        return None


def _known(series: Series) -> Series:
    _require_symbol(*series.exchange, series.symbol)
    return series


def _require_symbol(environment: str, market: str, symbol: str) -> None:
    """Raise NotFound for what the exchange does not list, as far as we know: the exchange is not asked."""
    if known_rules(environment, market, [symbol]):
        return
    if not SymbolRules.objects.filter(environment=environment, market=market, symbol=symbol).exists():
        raise NotFound(f"{symbol} is no symbol of the {environment} {market} market.")
