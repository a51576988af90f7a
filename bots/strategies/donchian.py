"""Donchian channel: follow the breakout from the range of the last candles, as the Turtles did.

Enter long when a candle closes above the highest high of the `entry_period` candles before it, short when it closes
below their lowest low; leave when it closes beyond the other side of the shorter channel of `exit_period` candles.
"""

from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.indicators import talib
from bots.strategies.lines import Line, previous, reading, signals_of, where
from market.types import Candles

PARAMETERS = (
    Parameter("entry_period", int, 20, "The channel whose breakout enters, in candles.", minimum=2, maximum=900),
    Parameter("exit_period", int, 10, "The channel whose other side leaves, in candles.", minimum=2, maximum=900),
)


def candles_needed(parameters: Parameters) -> int:
    """The channel before the last candle: nothing has to fade."""
    return int(parameters["entry_period"]) + 1


def cross_check(parameters: Parameters) -> str | None:
    entry, leave = parameters["entry_period"], parameters["exit_period"]
    return f"exit_period: {leave} must be at most entry_period {entry}." if leave > entry else None


def channel(candles: Candles, period: int) -> tuple[Line, Line]:
    """Lowest low and highest high of the ``period`` candles before each; undefined where prices did not move."""
    lowest, highest = talib.MIN(candles.low, period), talib.MAX(candles.high, period)
    moved = highest > lowest
    return previous(where(moved, lowest)), previous(where(moved, highest))


def read(candles: Candles, parameters: Parameters) -> Reading:
    close = candles.close
    lowest, highest = channel(candles, parameters["entry_period"])
    exit_lowest, exit_highest = channel(candles, parameters["exit_period"])
    signals = signals_of(
        enter_long=close > highest,
        enter_short=close < lowest,
        leave_long=close < exit_lowest,
        leave_short=close > exit_highest,
    )
    news = {
        Signal.NOTHING: "no breakout",
        Signal.ENTER_LONG: "breakout up",
        Signal.ENTER_SHORT: "breakout down",
        Signal.EXIT_LONG: "no breakout; below the exit channel no long position is kept",
        Signal.EXIT_SHORT: "no breakout; above the exit channel no short position is kept",
    }
    lines = {"close": close, "lowest": lowest, "highest": highest}
    return reading(signals, lines, "close {close:.8g}, channel {lowest:.8g} to {highest:.8g}", news)


STRATEGY = Strategy("donchian", "Donchian channel breakout", PARAMETERS, candles_needed, read, cross_check)
