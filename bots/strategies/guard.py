"""Reading a strategy as foreign code: it may be broken, and it may be slow, but it harms its own bots only (T5)."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from bots.strategies.base import Parameters, Reading, Signal, Strategy
from market.types import Candles

MOST_SECONDS = 2.0  # for one reading; ours take less than a hundred microseconds
# Worked out here, for all of this is asked at every reading.
LEAST_SIGNAL, MOST_SIGNAL = int(min(Signal)), int(max(Signal))
NUMBERS = (int, float, np.number)


class BadReading(Exception):
    """What a strategy returned is no reading of these candles, or it took too long. The message names the strategy."""


class _TimeIsUp(BaseException):
    """Not an Exception: a strategy that passes over those would run on."""


def guarded_reading(
    strategy: Strategy, candles: Candles, parameters: Parameters, *, seconds: float | None = None
) -> Reading:
    """What the strategy reads from the candles. Raises BadReading, and whatever the strategy itself raises."""
    seconds = seconds or MOST_SECONDS
    for column in vars(candles).values():
        column.flags.writeable = False  # other strategies read the same arrays
    try:
        with _at_most(seconds):
            reading = strategy.read(candles, parameters)
    except _TimeIsUp:
        raise BadReading(f"{strategy.name}: it took longer than {seconds:g} s and was stopped") from None
    fault = _fault(reading, len(candles))
    if fault:
        raise BadReading(f"{strategy.name}: {fault}")
    return reading


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise _TimeIsUp inside the block when it lasts longer. Somebody else's alarm goes on afterwards.

    By SIGALRM, which Celery leaves alone (its soft limit is SIGUSR1). Signals reach the main thread only, where prefork
    workers run their tasks: in any other thread nothing is bounded. A call into C is interrupted when it returns.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    begun = monotonic()
    handler = signal.signal(signal.SIGALRM, _ring)
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:  # the alarm may ring in the line above; it rings once
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (monotonic() - begun), 0.001), every)


def _ring(number: int, frame: FrameType | None) -> NoReturn:
    raise _TimeIsUp


def _fault(reading: Any, count: int) -> str | None:
    """Why this is no reading of ``count`` candles."""
    if not isinstance(reading, Reading):
        return f"it returned {type(reading).__name__}, not a reading"
    signals = reading.signals
    if not isinstance(signals, np.ndarray) or signals.ndim != 1:
        return f"its signals are {type(signals).__name__}, not an array of one dimension"
    if len(signals) != count:
        return f"{len(signals)} signals for {count} candles"
    if not np.issubdtype(signals.dtype, np.integer):
        return f"its signals are {signals.dtype}, not whole numbers"
    if len(signals) and (signals.min() < LEAST_SIGNAL or signals.max() > MOST_SIGNAL):
        strange = signals[(signals < LEAST_SIGNAL) | (signals > MOST_SIGNAL)]
        return f"{strange[0]} is no signal"
    if not isinstance(reading.text, str):
        return f"its text is {type(reading.text).__name__}, not words"
    if not isinstance(reading.indicators, Mapping):
        return f"its indicators are {type(reading.indicators).__name__}, not numbers by name"
    for name, value in reading.indicators.items():
        if not isinstance(name, str) or not isinstance(value, NUMBERS):
            return f"its indicator {name!r} is {value!r}, not a number"
    return None
