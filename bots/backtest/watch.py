"""Which prices a position waits for: between them nothing can happen to it, so its candles are passed over.

Conservative: a price that turns out to mean nothing costs a look, one that is passed over would be a mistake.
"""

from dataclasses import dataclass
from math import inf

from bots.backtest.tape import Tape
from bots.backtest.trader import Trader
from bots.exits import ExitSettings, stop_levels, target_price
from bots.protection import LEAST_MOVE_PERCENT
from market.types import Side

CHUNK, MOST_CHUNK = 128, 16_384
LEAST_MOVE = float(LEAST_MOVE_PERCENT) / 100
SLACK = 1e-9


@dataclass(frozen=True)
class Watch:
    """The prices from which on something happens: that the exchange sees at once, or a tick when it comes."""

    low: float = -inf
    high: float = inf
    tick_low: float = -inf
    tick_high: float = inf


def watch(trader: Trader, side: Side, exits: ExitSettings, tick_size: float) -> Watch:
    """What a position of this side waits for."""
    stops = [float(order.price) for order in trader.shelf.stops()]
    targets = [float(order.price) for order in trader.shelf.targets(side)]
    entry, best = trader.entry_price, trader.best_price
    levels = dict(stop_levels(exits, side=side, entry_price=entry, best_price=best))
    trailing = levels.pop("trailing_stop", None)
    falls = [float(level) for level in levels.values()]
    rises = [float(target_price(entry, side, step.gain_percent)) for step in exits.targets[-1:]]
    if exits.break_even_percent is not None and "break_even" not in levels:
        rises.append(float(target_price(entry, side, exits.break_even_percent)))
    if trailing is not None:
        percent = float(exits.trailing_stop_percent or 0) / 100
        if not stops:
            return Watch(tick_low=inf)  # its stop moves with every price
        # The stop that rests lags behind the one that the ticks know, until the move is worth it.
        nearest = max(stops) if side is Side.BUY else min(stops)
        moved = nearest * (1 + side.sign * LEAST_MOVE)
        falls.append(moved + side.sign * tick_size)
        slack = tick_size if side is Side.SELL else 0.0
        rises.append((moved + slack) / (1 - side.sign * percent))
    if trader.liquidation is not None:
        stops.append(float(trader.liquidation))
    if side is Side.BUY:
        return Watch(
            max(stops, default=-inf),
            min(targets, default=inf),
            max(falls, default=-inf) * (1 + SLACK),
            min(rises, default=inf) * (1 - SLACK),
        )
    return Watch(
        max(targets, default=-inf),
        min(stops, default=inf),
        max(rises, default=-inf) * (1 + SLACK),
        min(falls, default=inf) * (1 - SLACK),
    )


def next_reached(tape: Tape, watched: Watch, begin: int, until: int) -> int:
    """The first candle from ``begin`` on, before ``until``, that reaches a watched price; ``until`` if none does."""
    candles, size = tape.candles, CHUNK
    # Longer candles are looked into, so there the ticks see their extremes.
    tick_low, tick_high = (candles.low, candles.high) if tape.is_long else (candles.close, candles.close)
    while begin < until:
        part = slice(begin, min(begin + size, until))
        hit = candles.low[part] <= watched.low
        hit |= candles.high[part] >= watched.high
        hit |= tick_low[part] <= watched.tick_low
        hit |= tick_high[part] >= watched.tick_high
        first = int(hit.argmax())
        if hit[first]:
            return begin + first
        begin, size = part.stop, min(size * 4, MOST_CHUNK)
    return until
