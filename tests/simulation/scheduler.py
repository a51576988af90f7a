"""Simulated time, and workers that take turns in it: the same seed, the same turns.

A worker is a greenlet that runs ordinary blocking code, ours as it is. Whenever it would wait, for the database or the
exchange, it pauses for some simulated milliseconds; whoever is due first goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush

from greenlet import getcurrent, greenlet

START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)
FOREVER_MS = 10**15


class Scheduler:
    """A clock that moves when everybody waits."""

    def __init__(self) -> None:
        self.ms = 0  # since START
        self._due: list[tuple[int, int, Callable[[], object]]] = []
        self._number = 0
        self._until_ms = FOREVER_MS
        self._hub = getcurrent()
        self._idle: list[greenlet] = []  # to make one takes as long as a dozen turns
        self._read_ms, self._read = 0, START

    def clock(self) -> datetime:
        """Now; a `market.types.Clock`."""
        if self._read_ms != self.ms:
            self._read_ms, self._read = self.ms, START + timedelta(milliseconds=self.ms)
        return self._read

    @property
    def epoch_ms(self) -> int:
        """Now, as the exchange counts."""
        return START_MS + self.ms

    def after(self, ms: int, call: Callable[[], object]) -> None:
        """Call something that does not wait, so many milliseconds from now."""
        self._number += 1
        heappush(self._due, (self.ms + ms, self._number, call))

    def spawn(self, work: Callable[[], object], *, after_ms: int = 0) -> None:
        """Start a worker; what it does must not raise."""
        self.after(after_ms, partial(self._employ, work))

    def pause(self, ms: int) -> None:
        """Let the worker that calls this wait; at once, if nobody is due before it."""
        at, due = self.ms + ms, self._due
        if at <= self._until_ms and not (due and due[0][0] <= at):
            self.ms = at
            return
        self._number += 1
        heappush(due, (at, self._number, getcurrent().switch))
        self._hub.switch()

    def run(self, until_ms: int = FOREVER_MS) -> None:
        """Let things happen until that moment, or until nobody waits any more."""
        due, self._until_ms = self._due, until_ms
        while due and due[0][0] <= until_ms:
            self.ms, _, call = heappop(due)
            call()
        if until_ms != FOREVER_MS:
            self.ms = until_ms

    def _employ(self, work: Callable[[], object]) -> None:
        worker = self._idle.pop() if self._idle else greenlet(self._labour, self._hub)
        worker.switch(work)

    def _labour(self, work: Callable[[], object]) -> None:
        """One task after another, for ever."""
        while True:
            work()
            self._idle.append(getcurrent())
            work = self._hub.switch()
