"""What several strategies share: indicators as lines, when they cross, and the way from rules to a reading.

A line has one value per candle. It is undefined (NaN) while the history is too short, and where the market gives it no
meaning: prices that do not move, no volume. NaN is neither above nor below anything, so it signals nothing.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bots.strategies.base import Parameter, Reading, Signal
from bots.strategies.indicators import talib

Line = NDArray[np.float64]
Flags = NDArray[np.bool_]

# After so many periods the seed of a recursive indicator counts for less than 1/20,000 of its value.
EMA_FADES = 5
WILDER_FADES = 10

ENTRY = Parameter(
    "entry",
    str,
    "crossing",
    "Enter on the crossing only, or whenever the state is right.",
    choices=("crossing", "state"),
)


def previous(line: Line) -> Line:
    """The line one candle earlier."""
    return np.concatenate(([np.nan], line[:-1]))


def crossed_above(line: Line, level: Line | float) -> Flags:
    """Where the line is above a level that it was at or below one candle earlier."""
    return _begins(line > level, line <= level)


def crossed_below(line: Line, level: Line | float) -> Flags:
    """Where the line is below a level that it was at or above one candle earlier."""
    return _begins(line < level, line >= level)


def _begins(state: Flags, opposite: Flags) -> Flags:
    begun = np.zeros_like(state)
    begun[1:] = state[1:] & opposite[:-1]
    return begun


def is_flat(line: Line, period: int) -> Flags:
    """Where the last ``period`` values are the same. What remains of an indicator there is rounding."""
    return talib.MAX(line, period) == talib.MIN(line, period)


def where(flags: Flags, line: Line) -> Line:
    """The line where the flags are set; elsewhere it is undefined."""
    return np.where(flags, line, np.nan)


def rsi(close: Line, period: int) -> Line:
    """Wilder's RSI; undefined where none of the last ``period`` changes moved the price.

    TA-Lib calls it 0 or 100 there, and 0 from a price on that is no number.
    """
    line = talib.RSI(close, period)
    broken = ~np.isfinite(close)
    if broken.any():
        line[broken.argmax() :] = np.nan
    return where(~is_flat(close, period + 1), line)


def relation(line: Line, other: Line) -> str:
    """How the two compare at the last candle, as a sign."""
    return ">" if line[-1] > other[-1] else "<" if line[-1] < other[-1] else "="


def windows(line: Line, period: int) -> Line:
    """One row for each candle from the ``period``-th on: the last ``period`` values, in the order of time.

    A copy, so that a row is summed in the same order however many rows there are.
    """
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(line, period))


def from_windows(values: Line, period: int) -> Line:
    """One value for each window as a line: undefined for the candles before the first window."""
    return np.concatenate((np.full(period - 1, np.nan), values))


def signals_of(*, enter_long: Flags, enter_short: Flags, leave_long: Flags, leave_short: Flags) -> NDArray[np.int8]:
    """One signal per candle. Entering goes before leaving, for it also means leaving the other way."""
    signals = np.zeros(len(enter_long), dtype=np.int8)
    signals[leave_short], signals[leave_long] = Signal.EXIT_SHORT, Signal.EXIT_LONG
    signals[enter_long], signals[enter_short] = Signal.ENTER_LONG, Signal.ENTER_SHORT
    return signals


def reversion(close: Line, *, lower: Line, middle: Line, upper: Line) -> NDArray[np.int8]:
    """Enter when the close comes back into the bands but is not past the middle; leave from the middle on."""
    return signals_of(
        enter_long=crossed_above(close, lower) & (close < middle),
        enter_short=crossed_below(close, upper) & (close > middle),
        leave_long=close >= middle,
        leave_short=close <= middle,
    )


def reading(signals: NDArray[np.int8], lines: Mapping[str, Line], values: str, news: Mapping[Signal, str]) -> Reading:
    """The signals, and where the lines are now: ``values`` is a format of that, ``news`` has a signal's words."""
    last = {name: float(line[-1]) for name, line in lines.items() if np.isfinite(line[-1])}
    missing = [name for name in lines if name not in last]
    if missing:
        text = f"{', '.join(missing)} undefined: too little history, or a market that does not move"
        return Reading(signals, last, text, lines)
    return Reading(signals, last, f"{values.format(**last)}, {news[Signal(int(signals[-1]))]}", lines)
