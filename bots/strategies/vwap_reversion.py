"""VWAP reversion: buy the return from far below the volume-weighted average price, sell at it.

The average and its standard deviation are of the typical prices (high + low + close) / 3 of the last `period`
candles, each weighted by its volume. A VWAP that begins anew at midnight is not offered: Binance gives 1,000 candles,
which on the shortest interval do not reach back to midnight for a third of the day.
"""

import numpy as np

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.lines import Line, from_windows, is_flat, reading, reversion, where, windows
from market.types import Candles

BLOCK = 10_000  # windows at a time: those of a year of minutes take gigabytes
PARAMETERS = (
    Parameter("period", int, 60, "Of the average and its deviation, in candles.", minimum=5, maximum=200),
    Parameter(
        "deviations",
        float,
        2,
        "Distance from the average at which the price is far away, in standard deviations.",
        minimum=0.5,
        maximum=5,
    ),
)


def candles_needed(parameters: Parameters) -> int:
    """The average at the last candle, and at the one before it: nothing has to fade."""
    return int(parameters["period"]) + 1


def vwap(candles: Candles, period: int) -> tuple[Line, Line]:
    """The average and the standard deviation, in the unit of the price; undefined without volume or movement."""
    typical = (candles.high + candles.low + candles.close) / 3
    if len(typical) < period:
        nothing = np.full(len(typical), np.nan)
        return nothing, nothing
    starts = range(0, len(typical) - period + 1, BLOCK)
    blocks = [slice(start, start + BLOCK + period - 1) for start in starts]
    found = [_of_windows(windows(typical[block], period), windows(candles.volume[block], period)) for block in blocks]
    mean, deviation = (from_windows(np.concatenate(parts), period) for parts in zip(*found, strict=True))
    moved = ~is_flat(typical, period)
    return where(moved, mean), deviation


def _of_windows(prices: Line, volumes: Line) -> tuple[Line, Line]:
    """The same of each window."""
    total = volumes.sum(axis=1)
    total = where(total > 0, total)
    mean = (prices * volumes).sum(axis=1) / total
    variance = (volumes * (prices - mean[:, np.newaxis]) ** 2).sum(axis=1) / total
    return mean, np.sqrt(variance)


def read(candles: Candles, parameters: Parameters) -> Reading:
    mean, deviation = vwap(candles, parameters["period"])
    away = parameters["deviations"] * where(deviation > 0, deviation)
    signals = reversion(candles.close, lower=mean - away, middle=mean, upper=mean + away)
    news = {
        Signal.NOTHING: "no return from far away",
        Signal.ENTER_LONG: "on its way back up",
        Signal.ENTER_SHORT: "on its way back down",
        Signal.EXIT_LONG: "nothing to enter; from the VWAP up no long position is kept",
        Signal.EXIT_SHORT: "nothing to enter; from the VWAP down no short position is kept",
    }
    lines = {
        "close": candles.close,
        "vwap": mean,
        "deviations": (candles.close - mean) / where(deviation > 0, deviation),
    }
    return reading(signals, lines, "close {close:.8g}, {deviations:+.2f} deviations from VWAP {vwap:.8g}", news)


STRATEGY = Strategy(
    "vwap_reversion", "VWAP reversion", PARAMETERS, candles_needed, read, own_scale=frozenset({"deviations"})
)
