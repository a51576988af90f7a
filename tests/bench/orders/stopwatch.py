"""When each step of an order began and was done, noted by the process that does it, a line of JSON for each order."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

# queued: sent → a process has the task. looked: → it asks for the bot's lock. intended, claimed, exchange, booked: the
# steps 1 to 4 of the protocol, each to its commit or answer. rest: → the task is done. whole: sent → booked.
STEPS = ("queued", "looked", "intended", "claimed", "exchange", "booked", "rest", "whole")


class Stopwatch:
    """Of one process, which does one task at a time. Moments are seconds of the epoch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: TextIO | None = None
        self._spans: dict[str, tuple[float, float]] = {}
        self._sent = self._begun = 0.0

    def begin(self, task: Any, **_: Any) -> None:
        """A task begins."""
        self._spans = {}
        self._sent, self._begun = getattr(task.request, "sent", None) or 0.0, time.time()

    def end(self, **_: Any) -> None:
        """A task is done: note it, if it was sent to be measured and has booked an order."""
        if self._sent and "booked" in self._spans:
            self._file = self._file or (self._folder / str(os.getpid())).open("a", buffering=1)
            self._file.write(json.dumps(self._figures(time.time())) + "\n")

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with a note of the last time that it took."""

        @wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            began = time.time()
            result = function(*args, **kwargs)
            self._spans[step] = (began, time.time())
            return result

        return watched

    def timed_block(self, step: str, block: Callable[..., Any]) -> Callable[..., Any]:
        """The same of a context manager; after the order is booked it is used for other things."""

        @contextmanager
        def watched(*args: Any) -> Iterator[Any]:
            began = time.time()
            with block(*args) as value:
                yield value
            if "booked" not in self._spans:
                self._spans[step] = (began, time.time())

        return watched

    def _figures(self, ended: float) -> dict[str, float]:
        """Milliseconds of each step, and when the order was sent and booked."""
        booked = self._spans["booked"][1]
        seconds = {step: until - since for step, (since, until) in self._spans.items()}
        seconds["queued"] = self._begun - self._sent
        seconds["looked"] = self._spans["intended"][0] - self._begun
        seconds["rest"] = ended - booked
        seconds["whole"] = booked - self._sent
        # What `order` is to the operator: from the commit of its intent to the exchange's answer.
        order = 1000 * (self._spans["exchange"][1] - self._spans["intended"][1])
        about = {"order": order, "sent_at": self._sent, "booked_at": booked}
        return {step: 1000 * seconds[step] for step in STEPS} | about
