"""What may hang is done by a thread of its own, so that who waits for it can give up."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from queue import SimpleQueue
from typing import Any, TypeVar

from django.db import close_old_connections

Result = TypeVar("Result")


class Hangs(Exception):
    """It was not done in time, and is still at work."""


class Aside:
    """One thread with a database connection of its own. While it hangs nothing more is begun."""

    def __init__(self, name: str) -> None:
        self._asked: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        self._last: Future[Any] | None = None
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def run(self, work: Callable[[], Result], *, seconds: float) -> Result:
        """Do it there; raises Hangs, and what the work raises."""
        if self._last is not None and not self._last.done():
            raise Hangs("what was begun before is not done")
        done: Future[Result] = Future()
        self._last = done
        self._asked.put((work, done))
        try:
            return done.result(timeout=seconds)
        except NotInTime as error:
            if done.done():  # it was the work that raised it
                raise
            raise Hangs(f"not done within {seconds:g} s") from error

    def _work(self) -> None:
        while True:
            work, done = self._asked.get()
            close_old_connections()
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)
