"""ADX trend: enter the way the directional movement goes, when there is a trend at all.

Enter long when +DI crosses above -DI while the ADX is above the threshold, short when it crosses below; leave while the
other DI is above. With `entry` = state, being above with a strong ADX is enough: the ADX often follows the crossing.
All three are smoothed by Wilder, the values of charting sites.
"""

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.indicators import talib
from bots.strategies.lines import (
    ENTRY,
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
    Parameter("adx_period", int, 14, "Period of ADX and DI, in candles.", minimum=2, maximum=60),
    Parameter("adx_threshold", float, 25, "Above this ADX there is a trend.", minimum=0, maximum=90),
    ENTRY,
)
ADX_FADES = 15  # periods: it is smoothed twice


def candles_needed(parameters: Parameters) -> int:
    return ADX_FADES * int(parameters["adx_period"]) + 1


def directional(candles: Candles, period: int) -> tuple[Line, Line, Line]:
    """+DI, -DI and ADX, each from 0 to 100; undefined where prices do not move."""
    columns = (candles.high, candles.low, candles.close)
    moves = ~(is_flat(candles.high, period + 1) & is_flat(candles.low, period + 1) & is_flat(candles.close, period + 1))
    plus, minus, adx = (function(*columns, period) for function in (talib.PLUS_DI, talib.MINUS_DI, talib.ADX))
    return where(moves, plus), where(moves, minus), where(moves, adx)


def read(candles: Candles, parameters: Parameters) -> Reading:
    plus, minus, adx = directional(candles, parameters["adx_period"])
    threshold = parameters["adx_threshold"]
    crossing = parameters["entry"] == "crossing"
    up, down = (crossed_above(plus, minus), crossed_below(plus, minus)) if crossing else (plus > minus, plus < minus)
    strong = adx > threshold

    signals = signals_of(
        enter_long=up & strong, enter_short=down & strong, leave_long=plus < minus, leave_short=plus > minus
    )
    nothing = "no crossing" if strong[-1] else f"ADX not above {threshold:g}"
    news = {
        Signal.NOTHING: nothing,
        Signal.ENTER_LONG: "an upward trend",
        Signal.ENTER_SHORT: "a downward trend",
        Signal.EXIT_LONG: f"{nothing}; no long position is kept here",
        Signal.EXIT_SHORT: f"{nothing}; no short position is kept here",
    }
    values = f"+DI {{plus_di:.1f}} {relation(plus, minus)} -DI {{minus_di:.1f}}, ADX {{adx:.1f}}"
    return reading(signals, {"plus_di": plus, "minus_di": minus, "adx": adx}, values, news)


STRATEGY = Strategy(
    "adx_trend", "ADX trend", PARAMETERS, candles_needed, read, own_scale=frozenset({"plus_di", "minus_di", "adx"})
)
