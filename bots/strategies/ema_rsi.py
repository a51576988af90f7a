"""EMA crossing, filtered by RSI (features S1).

Enter long when the fast EMA crosses above the slow one while the RSI is not overbought; enter short, and leave a
long position, when it crosses below (short only while not oversold). With `entry` = state, being above or below is
enough. EMA is seeded by the SMA of its first period, RSI smoothed by Wilder: TA-Lib's and the charting sites' values.
"""

import numpy as np
import talib

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from market.types import Candles

PARAMETERS = (
    Parameter("ema_fast", int, 9, "Period of the fast EMA, in candles.", minimum=2, maximum=100),
    Parameter("ema_slow", int, 21, "Period of the slow EMA, in candles; above the fast one.", minimum=3, maximum=190),
    Parameter("rsi_period", int, 14, "Period of the RSI, in candles.", minimum=2, maximum=100),
    Parameter("rsi_oversold", float, 30, "No short entry at or below this RSI.", minimum=0, maximum=100),
    Parameter("rsi_overbought", float, 70, "No long entry at or above this RSI.", minimum=0, maximum=100),
    Parameter(
        "entry",
        str,
        "crossing",
        "Enter on the crossing only, or whenever the state is right.",
        choices=("crossing", "state"),
    ),
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
    fast = talib.EMA(candles.close, parameters["ema_fast"])
    slow = talib.EMA(candles.close, parameters["ema_slow"])
    rsi = talib.RSI(candles.close, parameters["rsi_period"])
    known = np.isfinite(fast) & np.isfinite(slow) & np.isfinite(rsi)
    above, below = known & (fast > slow), known & (fast < slow)
    crossed_up, crossed_down = (
        above & ~_previous(above) & _previous(known),
        below & ~_previous(below) & _previous(known),
    )
    up, down = (above, below) if parameters["entry"] == "state" else (crossed_up, crossed_down)

    signals = np.zeros(len(candles), dtype=np.int8)
    signals[crossed_up], signals[crossed_down] = Signal.EXIT_SHORT, Signal.EXIT_LONG  # whatever the RSI says
    signals[up & (rsi < parameters["rsi_overbought"])] = Signal.ENTER_LONG
    signals[down & (rsi > parameters["rsi_oversold"])] = Signal.ENTER_SHORT
    indicators, text = _at_last(float(fast[-1]), float(slow[-1]), float(rsi[-1]))
    if not (up[-1] or down[-1]):
        text += ", no crossing"
    return Reading(signals, indicators, text)


def _previous(flags: np.ndarray) -> np.ndarray:
    return np.concatenate(([False], flags[:-1]))


def _at_last(fast: float, slow: float, rsi: float) -> tuple[dict[str, float], str]:
    relation = ">" if fast > slow else "<" if fast < slow else "="
    text = f"EMA fast {fast:.8g} {relation} EMA slow {slow:.8g}, RSI {rsi:.1f}"
    return {"ema_fast": fast, "ema_slow": slow, "rsi": rsi}, text


STRATEGY = Strategy("ema_rsi", "EMA crossing with RSI filter", PARAMETERS, candles_needed, read, cross_check)
