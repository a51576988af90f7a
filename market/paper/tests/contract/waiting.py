"""Waiting for what happens soon: looking again until a deadline, never a fixed sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from market.paper.tests.server import PaperServer

T = TypeVar("T")

DEADLINE_SECONDS = 10
STEP_MS = 250


def eventually(look: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    """Look until what is seen is as wanted; fail with the last sight."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not wanted(seen := look()):
        assert time.monotonic() < end, f"still {seen}"
        time.sleep(0.02)
    return seen


def next_step(paper: PaperServer) -> None:
    """Wait for the market's next step: what takers took from the book is there again."""
    begin = _step(paper)
    eventually(lambda: _step(paper), lambda step: step != begin)


def _step(paper: PaperServer) -> int:
    return int(paper.get("/api/v3/time")["serverTime"]) // STEP_MS
