"""The stop orders of one symbol that wait for the market, those that follow it included."""

from __future__ import annotations

from market.paper.engine.spot.types import SpotOrder
from market.paper.engine.triggers import Triggers

BASIS_POINTS = 10_000


class Stops:
    """Finds the orders a price wakes. A trailing order with a stop price begins to follow when that is reached."""

    def __init__(self) -> None:
        self._waiting: dict[int, SpotOrder] = {}
        self._triggers = Triggers()
        self._following: dict[int, SpotOrder] = {}

    def __len__(self) -> int:
        """How many wait or follow."""
        return len(self._waiting) + len(self._following)

    def add(self, order: SpotOrder) -> None:
        """Let an order wait for its stop price, or follow the market."""
        if order.trailing_ms >= 0:
            self._following[order.order_id] = order
        else:
            self._waiting[order.order_id] = order
            self._triggers.add(order.order_id, order.stop_price, rises=order.rises)

    def remove(self, order: SpotOrder) -> None:
        """Forget an order; no matter whether it is here."""
        self._following.pop(order.order_id, None)
        if self._waiting.pop(order.order_id, None):
            self._triggers.remove(order.order_id)

    def woken_by(self, price: int, now_ms: int) -> tuple[list[SpotOrder], list[SpotOrder]]:
        """The orders that a price lets work, forgotten here; and those that it changed."""
        woken: list[SpotOrder] = []
        changed: list[SpotOrder] = []
        for order in [order for order in self._following.values() if _turned(order, price)]:
            del self._following[order.order_id]
            woken.append(order)
        for order in self._following.values():
            if price > order.trailing_best if order.side == "SELL" else price < order.trailing_best:
                order.trailing_best = price
                changed.append(order)
        for key in self._triggers.woken_by(price):
            order = self._waiting.pop(key)  # type: ignore[call-overload]
            if order.trailing_delta:
                order.trailing_ms, order.trailing_best = now_ms, price
                self._following[order.order_id] = order
                changed.append(order)
            else:
                woken.append(order)
        return woken, changed


def _turned(order: SpotOrder, price: int) -> bool:
    """True when the market has come back from its best by the order's distance."""
    if order.side == "SELL":
        return price * BASIS_POINTS <= order.trailing_best * (BASIS_POINTS - order.trailing_delta)
    return price * BASIS_POINTS >= order.trailing_best * (BASIS_POINTS + order.trailing_delta)
