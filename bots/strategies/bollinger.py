"""Bollinger bands: buy the return from below the lower band, sell at the middle.

The middle is the mean of the last `period` closes, the bands are `deviations` standard deviations (of all values, not
of a sample) away: Bollinger's own definition. Enter long when the close comes back above the lower band, short when it
comes back below the upper one; leave from the middle on.
"""

import numpy as np

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.lines import Line, from_windows, is_flat, reading, reversion, where, windows
from market.types import Candles

PARAMETERS = (
    Parameter("period", int, 20, "Of the mean and its deviation, in candles.", minimum=5, maximum=200),
    Parameter(
        "deviations", float, 2, "Distance of the bands from the mean, in standard deviations.", minimum=0.5, maximum=5
    ),
)


def candles_needed(parameters: Parameters) -> int:
    """The band of the last candle, and of the one before it: nothing has to fade."""
    return int(parameters["period"]) + 1


def bands(close: Line, *, period: int, deviations: float) -> tuple[Line, Line, Line]:
    """Lower band, middle, upper band, in the unit of the price; undefined where prices do not move."""
    if len(close) < period:
        nothing = np.full(len(close), np.nan)
        return nothing, nothing, nothing
    rows = windows(close, period)
    middle = where(~is_flat(close, period), from_windows(rows.mean(axis=1), period))
    away = deviations * from_windows(rows.std(axis=1), period)
    return middle - away, middle, middle + away


def read(candles: Candles, parameters: Parameters) -> Reading:
    close = candles.close
    lower, middle, upper = bands(close, period=parameters["period"], deviations=parameters["deviations"])
    signals = reversion(close, lower=lower, middle=middle, upper=upper)
    news = {
        Signal.NOTHING: "no return into the bands",
        Signal.ENTER_LONG: "back above the lower band",
        Signal.ENTER_SHORT: "back below the upper band",
        Signal.EXIT_LONG: "nothing to enter; from the middle up no long position is kept",
        Signal.EXIT_SHORT: "nothing to enter; from the middle down no short position is kept",
    }
    lines = {"close": close, "lower": lower, "middle": middle, "upper": upper}
    return reading(signals, lines, "close {close:.8g}, bands {lower:.8g} to {upper:.8g} around {middle:.8g}", news)


STRATEGY = Strategy("bollinger", "Bollinger band reversion", PARAMETERS, candles_needed, read)
