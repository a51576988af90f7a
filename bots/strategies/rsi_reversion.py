"""RSI reversion: buy the return from oversold, sell the return from overbought.

Enter long when the RSI crosses back above `rsi_oversold`, unless it is at the exit level already; leave while it is at
or above `rsi_exit_long`. Short the other way round: back below `rsi_overbought`, out at or below `rsi_exit_short`.
"""

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.lines import WILDER_FADES, crossed_above, crossed_below, reading, rsi, signals_of
from market.types import Candles

PARAMETERS = (
    Parameter("rsi_period", int, 14, "Period of the RSI, in candles.", minimum=2, maximum=90),
    Parameter("rsi_oversold", float, 30, "A return above this RSI enters long.", minimum=0, maximum=100),
    Parameter("rsi_overbought", float, 70, "A return below this RSI enters short.", minimum=0, maximum=100),
    Parameter("rsi_exit_long", float, 50, "A long position is left at or above this RSI.", minimum=0, maximum=100),
    Parameter("rsi_exit_short", float, 50, "A short position is left at or below this RSI.", minimum=0, maximum=100),
)


def candles_needed(parameters: Parameters) -> int:
    return WILDER_FADES * int(parameters["rsi_period"]) + 2


def cross_check(parameters: Parameters) -> str | None:
    names = (
        ("rsi_oversold", "below", "rsi_overbought"),
        ("rsi_oversold", "below", "rsi_exit_long"),
        ("rsi_exit_short", "below", "rsi_overbought"),
        ("rsi_exit_short", "at most", "rsi_exit_long"),
    )
    for name, bound, other in names:
        value, limit = parameters[name], parameters[other]
        if value > limit or (bound == "below" and value == limit):
            return f"{name}: {value} must be {bound} {other} {limit}."
    return None


def read(candles: Candles, parameters: Parameters) -> Reading:
    strength = rsi(candles.close, parameters["rsi_period"])
    low, high = parameters["rsi_oversold"], parameters["rsi_overbought"]
    exit_long, exit_short = parameters["rsi_exit_long"], parameters["rsi_exit_short"]

    signals = signals_of(
        enter_long=crossed_above(strength, low) & (strength < exit_long),
        enter_short=crossed_below(strength, high) & (strength > exit_short),
        leave_long=strength >= exit_long,
        leave_short=strength <= exit_short,
    )
    news = {
        Signal.NOTHING: f"no return from below {low:g} or from above {high:g}",
        Signal.ENTER_LONG: f"back above {low:g}",
        Signal.ENTER_SHORT: f"back below {high:g}",
        Signal.EXIT_LONG: f"nothing to enter; from {exit_long:g} up no long position is kept",
        Signal.EXIT_SHORT: f"nothing to enter; from {exit_short:g} down no short position is kept",
    }
    return reading(signals, {"rsi": strength}, "RSI {rsi:.1f}", news)


STRATEGY = Strategy(
    "rsi_reversion", "RSI reversion", PARAMETERS, candles_needed, read, cross_check, own_scale=frozenset({"rsi"})
)
