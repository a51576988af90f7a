"""How long somebody who waits for our answer waits for the exchange: a bounded time, and few of them at once.

A web process has few threads. An exchange that hangs must hold none of them for long, and must not hold them all: who
finds the places taken is told so at once. Workers, who have the time, never say `patiently`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any

from tenacity import RetryCallState
from tenacity.stop import stop_base
from urllib3.util import Timeout

from market.exchange.errors import ExchangeUnavailable

SECONDS = 5.0  # everything together: connecting, waiting, trying again, and standing in line for what others fetch
MOST_WAITING = 2  # threads of one process

_places = threading.BoundedSemaphore(MOST_WAITING)
_until: ContextVar[float | None] = ContextVar("patience", default=None)


class TooManyWaiting(ExchangeUnavailable):
    """Nobody was asked: as many as may wait for the exchange are waiting already."""


@contextmanager
def patiently(seconds: float | None = None) -> Iterator[None]:
    """Let all that this block asks of the exchange take so long together, SECONDS unless told.

    Raises TooManyWaiting before anything is asked. A read that takes longer fails with ExchangeUnavailable. An order or
    a transfer that had left by then fails with OutcomeUnknown, one that had not with OrderRejected, as ever. Within
    another block the outer one's time holds.
    """
    if _until.get() is not None:
        yield
        return
    if not _places.acquire(blocking=False):
        raise TooManyWaiting(f"{MOST_WAITING} requests wait for an exchange already; try again in some seconds")
    token = _until.set(monotonic() + (SECONDS if seconds is None else seconds))
    try:
        yield
    finally:
        _until.reset(token)
        _places.release()


def at_most(seconds: float) -> float:
    """So many seconds, or what is left of the block's time; 0 when that is over."""
    until = _until.get()
    return seconds if until is None else max(min(seconds, until - monotonic()), 0.0)


def is_over(*, after: float = 0.0) -> bool:
    """Whether the block's time is over, or will be so many seconds from now; never outside of a block."""
    until = _until.get()
    return until is not None and monotonic() + after >= until


class OutOfPatience(stop_base):
    """When tenacity stops trying again, beside its own reasons."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        return is_over(after=retry_state.upcoming_sleep)


def timeout_of(connect: float, read: float) -> Any:
    """The timeouts of one HTTP call, for requests: in a block both together take no longer than what is left."""
    until = _until.get()
    if until is None:
        return connect, read
    return Timeout(total=max(until - monotonic(), 0.001), connect=connect, read=read)
