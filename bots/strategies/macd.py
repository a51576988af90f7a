"""MACD: the difference of two EMAs, and when it crosses its own EMA, the signal line.

Enter long when the MACD line crosses above the signal line, short when it crosses below; leave while it is on the other
side. With `entry` = trend only long above zero and short below it. Each EMA is seeded by the mean of its own first
period, as charting sites do it (TA-Lib's MACD seeds both at the same candle, which is the same a few periods later).
"""

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.indicators import talib
from bots.strategies.lines import (
    EMA_FADES,
    Line,
    crossed_above,
    crossed_below,
    is_flat,
    reading,
    relation,
    signals_of,
    where,
)
from market.types import Candles

PARAMETERS = (
    Parameter("macd_fast", int, 12, "Period of the fast EMA, in candles.", minimum=2, maximum=100),
    Parameter("macd_slow", int, 26, "Period of the slow EMA, in candles; above the fast one.", minimum=3, maximum=140),
    Parameter("macd_signal", int, 9, "Period of the signal line, in candles.", minimum=2, maximum=50),
    Parameter(
        "entry",
        str,
        "any",
        "Enter on any crossing, or with the trend only: long above zero, short below it.",
        choices=("any", "trend"),
    ),
)


def candles_needed(parameters: Parameters) -> int:
    return EMA_FADES * int(parameters["macd_slow"] + parameters["macd_signal"]) + 1


def cross_check(parameters: Parameters) -> str | None:
    fast, slow = parameters["macd_fast"], parameters["macd_slow"]
    return f"macd_fast: {fast} must be below macd_slow {slow}." if fast >= slow else None


def macd_lines(close: Line, *, fast: int, slow: int, signal: int) -> tuple[Line, Line]:
    """The MACD line and its signal line, in the unit of the price."""
    line = talib.EMA(close, fast) - talib.EMA(close, slow)
    flat = is_flat(close, slow)
    return where(~flat, line), where(~flat, talib.EMA(line, signal))


def read(candles: Candles, parameters: Parameters) -> Reading:
    fast, slow, period = parameters["macd_fast"], parameters["macd_slow"], parameters["macd_signal"]
    line, signal = macd_lines(candles.close, fast=fast, slow=slow, signal=period)
    up, down = crossed_above(line, signal), crossed_below(line, signal)
    with_trend = parameters["entry"] == "trend"

    signals = signals_of(
        enter_long=up & (line > 0) if with_trend else up,
        enter_short=down & (line < 0) if with_trend else down,
        leave_long=line < signal,
        leave_short=line > signal,
    )
    nothing = "crossed against the trend" if up[-1] or down[-1] else "no crossing"
    news = {
        Signal.NOTHING: nothing,
        Signal.ENTER_LONG: "crossed up",
        Signal.ENTER_SHORT: "crossed down",
        Signal.EXIT_LONG: f"{nothing}; no long position is kept here",
        Signal.EXIT_SHORT: f"{nothing}; no short position is kept here",
    }
    values = f"MACD {{macd:.6g}} {relation(line, signal)} signal line {{signal:.6g}}"
    return reading(signals, {"macd": line, "signal": signal}, values, news)


STRATEGY = Strategy(
    "macd", "MACD crossing", PARAMETERS, candles_needed, read, cross_check, own_scale=frozenset({"macd", "signal"})
)
