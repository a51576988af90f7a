"""Who trades with our clients: a ladder of levels around the price. Clients never trade with one another.

A taker walks the ladder from the best level away. What it took stays taken until the price's next step, so that an
order cut in many pieces pays what it would have paid whole. A resting order is filled when the price comes to it: by
the level at its price, and by all the levels the price has gone beyond it.
"""

from __future__ import annotations

from market.paper.engine.amounts import SCALE
from market.paper.engine.types import Quote

Slice = tuple[int, int]  # price, base quantity
Side = list[Slice]  # best first


class Ladder:
    """The liquidity of all symbols of one market."""

    def __init__(self) -> None:
        # symbol -> [step, taken from the asks, taken from the bids]
        self._taken: dict[str, list[int]] = {}

    def walk(self, symbol: str, quote: Quote, side: str, quantity: int, limit: int = 0) -> list[Slice]:
        """The slices that a taker of ``quantity`` gets now, best first, not beyond ``limit`` (0: any price).

        They sum to less than asked where the ladder ends. Nothing is taken yet.
        """
        if quote.most is not None and quote.most < quantity:
            quantity = quote.most
        return self._slices(symbol, quote, side, quantity, limit)

    def _slices(self, symbol: str, quote: Quote, side: str, quantity: int, limit: int) -> list[Slice]:
        buying, left = side == "BUY", quantity
        skip = self._of_step(symbol, quote)[1 if buying else 2]
        price, gap = (quote.ask, quote.gap) if buying else (quote.bid, -quote.gap)
        slices: list[Slice] = []
        for _ in range(quote.levels):
            if left <= 0 or price <= 0 or (limit and (price > limit if buying else price < limit)):
                break
            available = quote.level_qty - skip
            if available > 0:
                taken = available if available < left else left
                slices.append((price, taken))
                left -= taken
                skip = 0
            else:
                skip = -available
            price += gap
        return slices

    def worth(self, symbol: str, quote: Quote, side: str, amount: int) -> int:
        """How much base quantity ``amount`` of quote asset buys (or must be sold for it), over all levels it takes.

        What the ladder has no room for counts at the last level's price: the order asks for it, and it will expire.
        """
        quantity, left = 0, amount * SCALE
        price = quote.ask if side == "BUY" else quote.bid
        for price, available in self._slices(symbol, quote, side, quote.level_qty * quote.levels, 0):
            if price * available >= left:
                return quantity + left // price
            quantity += available
            left -= price * available
        return quantity + left // price

    def take(self, symbol: str, quote: Quote, side: str, quantity: int) -> None:
        """What a taker has got is gone until the next step."""
        self._of_step(symbol, quote)[1 if side == "BUY" else 2] += quantity

    def _of_step(self, symbol: str, quote: Quote) -> list[int]:
        taken = self._taken.get(symbol)
        if taken is None or taken[0] != quote.step:
            taken = self._taken[symbol] = [quote.step, 0, 0]
        return taken


def sides(quote: Quote, levels: int) -> tuple[Side, Side]:
    """Bids and asks as they are shown, at most so many levels each: what takers took is not left out."""
    count = range(min(levels, quote.levels))
    bids = [(quote.bid - level * quote.gap, quote.level_qty) for level in count]
    asks = [(quote.ask + level * quote.gap, quote.level_qty) for level in count]
    return [level for level in bids if level[0] > 0], asks


def reach(quote: Quote, side: str, limit: int, price: int) -> int:
    """How much of a resting order at ``limit`` a market at ``price`` fills in one step: 0 when it stays away."""
    beyond = limit - price if side == "BUY" else price - limit
    if beyond < 0:
        return 0
    return quote.level_qty * (1 + beyond // quote.gap)
