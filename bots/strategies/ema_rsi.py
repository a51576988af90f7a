"""EMA crossing, filtered by RSI (features S1).

Enter long when the fast EMA crosses above the slow one while the RSI is not overbought; enter short, and leave a
long position, when it crosses below (short only while not oversold). With `entry` = state, being above or below is
enough. EMA is seeded by the SMA of its first period, RSI smoothed by Wilder: TA-Lib's and the charting sites' values.
"""

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.indicators import talib
from bots.strategies.lines import (
    ENTRY,
    crossed_above,
    crossed_below,
    is_flat,
    reading,
    relation,
    rsi,
    signals_of,
    where,
)
from market.types import Candles

PARAMETERS = (
    Parameter("ema_fast", int, 9, "Period of the fast EMA, in candles.", minimum=2, maximum=100),
    Parameter("ema_slow", int, 21, "Period of the slow EMA, in candles; above the fast one.", minimum=3, maximum=190),
    Parameter("rsi_period", int, 14, "Period of the RSI, in candles.", minimum=2, maximum=100),
    Parameter("rsi_oversold", float, 30, "No short entry at or below this RSI.", minimum=0, maximum=100),
    Parameter("rsi_overbought", float, 70, "No long entry at or above this RSI.", minimum=0, maximum=100),
    ENTRY,
)


def candles_needed(parameters: Parameters) -> int:
    """Enough for the seed of the slow EMA to have faded, and for Wilder's smoothing."""
    return max(5 * parameters["ema_slow"], 5 * parameters["rsi_period"]) + 1


def cross_check(parameters: Parameters) -> str | None:
    fast, slow = parameters["ema_fast"], parameters["ema_slow"]
    if fast >= slow:
        return f"ema_fast: {fast} must be below ema_slow {slow}."
    oversold, overbought = parameters["rsi_oversold"], parameters["rsi_overbought"]
    if oversold >= overbought:
        return f"rsi_oversold: {oversold} must be below rsi_overbought {overbought}."
    return None


def read(candles: Candles, parameters: Parameters) -> Reading:
    close = candles.close
    fast = talib.EMA(close, parameters["ema_fast"])
    slow = where(~is_flat(close, parameters["ema_slow"]), talib.EMA(close, parameters["ema_slow"]))
    strength = rsi(close, parameters["rsi_period"])
    crossed_up, crossed_down = crossed_above(fast, slow), crossed_below(fast, slow)
    up, down = (fast > slow, fast < slow) if parameters["entry"] == "state" else (crossed_up, crossed_down)

    signals = signals_of(
        enter_long=up & (strength < parameters["rsi_overbought"]),
        enter_short=down & (strength > parameters["rsi_oversold"]),
        leave_long=crossed_down,  # whatever the RSI says
        leave_short=crossed_up,
    )
    lines = {"ema_fast": fast, "ema_slow": slow, "rsi": strength}
    values = f"EMA fast {{ema_fast:.8g}} {relation(fast, slow)} EMA slow {{ema_slow:.8g}}, RSI {{rsi:.1f}}"
    return reading(signals, lines, values, _news(blocked=bool(up[-1] or down[-1])))


def _news(*, blocked: bool) -> dict[Signal, str]:
    """Blocked: the RSI is what is in the way when nothing is entered."""
    return {
        Signal.NOTHING: "at this RSI nothing is entered" if blocked else "no crossing",
        Signal.ENTER_LONG: "a long entry",
        Signal.ENTER_SHORT: "a short entry",
        Signal.EXIT_LONG: "crossed down; at this RSI nothing is entered",
        Signal.EXIT_SHORT: "crossed up; at this RSI nothing is entered",
    }


STRATEGY = Strategy(
    "ema_rsi",
    "EMA crossing with RSI filter",
    PARAMETERS,
    candles_needed,
    read,
    cross_check,
    own_scale=frozenset({"rsi"}),
)
