"""Supertrend: a stop line that follows the price at some ATRs; when the close crosses it, the trend has turned.

Enter long when the trend turns up, short when it turns down; leave while it is against the position. In an upward
trend the line is (high + low) / 2 - multiplier × ATR and only ever rises, in a downward trend it is above the price
and only ever falls. ATR smoothed by Wilder. Which way the first trend goes shows when a close is first beyond a band;
that is no turn.
"""

import numpy as np
from numpy.typing import NDArray

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.indicators import talib
from bots.strategies.lines import WILDER_FADES, Line, reading, signals_of
from market.types import Candles

PARAMETERS = (
    Parameter("atr_period", int, 10, "Period of the ATR, in candles.", minimum=2, maximum=60),
    Parameter("multiplier", float, 3, "Distance of the line from the price, in ATRs.", minimum=0.5, maximum=10),
)
TURNS_WITHIN = 200  # candles: for the first trend to show


def candles_needed(parameters: Parameters) -> int:
    return WILDER_FADES * int(parameters["atr_period"]) + TURNS_WITHIN


def supertrend(candles: Candles, *, period: int, multiplier: float) -> tuple[Line, NDArray[np.int8]]:
    """The line, in the unit of the price, and the trend: 1 up, -1 down, 0 not known yet."""
    middle = (candles.high + candles.low) / 2
    away = multiplier * talib.ATR(candles.high, candles.low, candles.close, period)
    upper = lower = before = float("nan")
    trend, lines, trends = 0, [], []
    for top, bottom, close in zip(
        (middle + away).tolist(), (middle - away).tolist(), candles.close.tolist(), strict=True
    ):
        # Each band only comes nearer, until a close has been beyond it. NaN is not nearer: it begins anew.
        upper = upper if top >= upper and before <= upper else top
        lower = lower if bottom <= lower and before >= lower else bottom
        if trend <= 0 and close > upper:
            trend = 1
        elif trend >= 0 and close < lower:
            trend = -1
        before = close
        lines.append(lower if trend > 0 else upper if trend < 0 else float("nan"))
        trends.append(trend)
    return np.array(lines), np.array(trends, dtype=np.int8)


def read(candles: Candles, parameters: Parameters) -> Reading:
    line, trend = supertrend(candles, period=parameters["atr_period"], multiplier=parameters["multiplier"])
    before = np.concatenate((np.zeros(1, np.int8), trend[:-1]))
    signals = signals_of(
        enter_long=(trend > 0) & (before < 0),
        enter_short=(trend < 0) & (before > 0),
        leave_long=trend < 0,
        leave_short=trend > 0,
    )
    news = {
        Signal.NOTHING: "no turn",
        Signal.ENTER_LONG: "the trend has turned up",
        Signal.ENTER_SHORT: "the trend has turned down",
        Signal.EXIT_LONG: "no turn; no long position is kept in a downward trend",
        Signal.EXIT_SHORT: "no turn; no short position is kept in an upward trend",
    }
    lines = {"close": candles.close, "supertrend": line}
    return reading(signals, lines, "close {close:.8g}, supertrend {supertrend:.8g}", news)


STRATEGY = Strategy("supertrend", "Supertrend", PARAMETERS, candles_needed, read)
