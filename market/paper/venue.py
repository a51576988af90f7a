"""One market of the exchange, spot or futures: its rules, prices, engine, past and meters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from market.paper.engine.types import Fill, Market, Quote
from market.paper.history import History
from market.paper.prices.types import PriceFeed
from market.paper.web.limits import MAKER_FILL_CREDIT, TAKER_FILL_CREDIT, OrderMeter, WeightMeter

E = TypeVar("E")

FILLED_REMEMBERED = 5000


class Venue(Generic[E]):
    """What the endpoints of one market share. ``info`` is exchangeInfo: its weight limit holds if no other is given."""

    def __init__(
        self,
        name: Market,
        info: dict[str, Any],
        feed: PriceFeed,
        engine: E,
        history: History[Any],
        weight_limit: int | None,
    ) -> None:
        self.name = name
        self.info = info
        self.feed = feed
        self.engine = engine
        self.history = history
        self.weights = WeightMeter(told_weight_limit(info) if weight_limit is None else weight_limit)
        self.order_meters = _order_meters(info["rateLimits"])
        self.fills = history.count_fills()
        self._filled: dict[tuple[str, int], None] = {}
        # What a taker gets at most; a fault sets it while one order is placed.
        self.most: int | None = None

    def quote(self, symbol: str, now_ms: int) -> Quote:
        """The market in a symbol now."""
        quote = self.feed.quote(symbol, now_ms)
        return quote if self.most is None else replace(quote, most=self.most)

    def require_room(self, account_id: int, now_ms: int) -> None:
        """Raise 429 / -1015 when the account has placed too many orders that did not fill."""
        for meter in self.order_meters.values():
            meter.require_room(account_id, now_ms)

    def count_order(self, account_id: int, now_ms: int, *, filled: bool) -> dict[str, str]:
        """Count a placement that was accepted; return the headers that tell the count."""
        headers = {}
        for name, meter in self.order_meters.items():
            meter.add(account_id, 0 if filled else 1, now_ms)
            headers[f"X-MBX-ORDER-COUNT-{name}"] = str(meter.count(account_id, now_ms))
        return headers

    def credit(self, fills: Iterable[Fill]) -> None:
        """Give back for the first fill of an order that had to wait. Futures count every order, filled or not."""
        for fill in fills if self.name == "spot" else ():
            if not self._had_fills(fill):
                back = MAKER_FILL_CREDIT if fill.is_maker else TAKER_FILL_CREDIT
                for meter in self.order_meters.values():
                    meter.add(fill.account_id, -back, fill.time_ms)

    def _had_fills(self, fill: Fill) -> bool:
        """True from the second fill of an order on. The last few thousand orders are remembered."""
        order = (fill.symbol, fill.order_id)
        if order in self._filled:
            return True
        self._filled[order] = None
        if len(self._filled) > FILLED_REMEMBERED:
            del self._filled[next(iter(self._filled))]
        return False


def told_weight_limit(info: dict[str, Any]) -> int:
    """The request weight per minute that clients are told."""
    rows: list[dict[str, Any]] = info["rateLimits"]
    return next(int(row["limit"]) for row in rows if row["rateLimitType"] == "REQUEST_WEIGHT")


def _order_meters(rate_limits: list[dict[str, Any]]) -> dict[str, OrderMeter]:
    """Meters by the name of their header: 10S, 1M, 1D."""
    meters = {}
    seconds = {"SECOND": 1, "MINUTE": 60, "DAY": 86_400}
    for row in rate_limits:
        if row["rateLimitType"] == "ORDERS":
            interval, number = row["interval"], row["intervalNum"]
            name, label = f"{number}{interval[0]}", f"{number} {interval}"
            meters[name] = OrderMeter(seconds[interval] * number * 1000, row["limit"], label)
    return meters
