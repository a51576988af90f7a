"""Faults of the market itself: prices, liquidity, halts. They hold a thing of a symbol while they are active."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from market.paper.engine.amounts import SCALE, round_down, units
from market.paper.faults.kinds import MarketFault
from market.paper.faults.params import number, text, whole
from market.paper.venue import Venue

MILLIONTHS = 1_000_000


@dataclass(frozen=True)
class Price:
    """Where a price stands still, and the mark price if apart from it. Amounts count 10**-8."""

    last: int
    mark: int | None = None


@dataclass(frozen=True)
class Depth:
    """A book of its own; what is None is as usual."""

    spread_bps: Decimal | None
    level_quote: int | None
    levels: int | None


@dataclass(frozen=True)
class FrozenPrice(MarketFault):
    """The price stands still, bid and ask with it. Candles go on as recorded (see frozen_data)."""

    thing = "price"

    def value(self, venue: Venue[Any], symbol: str, now_ms: int) -> Price:
        """The price as it is."""
        quote = venue.quote(symbol, now_ms)
        return Price(quote.last, quote.mark)


@dataclass(frozen=True)
class PriceJump(MarketFault):
    """The price jumps by so many percent and stands still there until the fault ends. Resting orders that it reaches
    fill, stops are triggered, futures positions may be liquidated."""

    thing = "price"
    percent: float = number(-99, 1000)

    def value(self, venue: Venue[Any], symbol: str, now_ms: int) -> Price:
        """The price after the jump, on its tick."""
        tick, quote = _tick(venue, symbol), venue.quote(symbol, now_ms)
        factor = 100 * MILLIONTHS + round(self.percent * MILLIONTHS)
        jumped = [price * factor // (100 * MILLIONTHS) for price in (quote.last, quote.mark)]
        last, mark = (max(tick, round_down(price, tick)) for price in jumped)
        return Price(last, mark)


@dataclass(frozen=True)
class ThinBook(MarketFault):
    """Another spread and another depth: ``spread_bps`` in basis points, ``level_quote`` of quote asset on each of
    ``levels`` levels a side; 0: as usual."""

    thing = "book"
    spread_bps: float = number(0, 5000, 0)
    level_quote: int = whole(0, 10**12, 0)
    levels: int = whole(0, 5000, 0)

    def value(self, venue: Venue[Any], symbol: str, now_ms: int) -> Depth:
        """The book."""
        spread = Decimal(str(self.spread_bps)) if self.spread_bps else None
        return Depth(spread, self.level_quote * SCALE or None, self.levels or None)


@dataclass(frozen=True)
class Halted(MarketFault):
    """The symbol does not trade: new orders are refused, resting ones do not fill."""

    thing = "status"
    status: str = text("BREAK", "BREAK", "HALT")

    def value(self, venue: Venue[Any], symbol: str, now_ms: int) -> str:
        """The status."""
        return self.status


def _tick(venue: Venue[Any], symbol: str) -> int:
    (entry,) = (entry for entry in venue.info["symbols"] if entry["symbol"] == symbol)
    (row,) = (row for row in entry["filters"] if row["filterType"] == "PRICE_FILTER")
    return units(row["tickSize"])
