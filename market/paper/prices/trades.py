"""Public trades made from the way of the price: one per step, as long as the recording has volume in its minute.

A trade's id is the number of its step, so ids grow with time; steps in which less than a lot traded have none.
"""

from __future__ import annotations

import numpy as np

from market.paper.engine.amounts import times
from market.paper.prices.path import STEP_MS, STEPS
from market.paper.prices.tape import Tape
from market.paper.prices.types import Trade


class Trades:
    """The trades of one symbol. History begins at minute ``first_minute``."""

    def __init__(self, tape: Tape, first_minute: int) -> None:
        self._tape = tape
        self._first_step = first_minute * STEPS

    def newest(self, last: int, limit: int) -> list[Trade]:
        """The last ``limit`` trades up to step ``last``, oldest first. Looks back over one loop of the recording."""
        return self._gathered(self._first_step, last, limit, newest=True)

    def since(self, first: int, last: int, limit: int) -> list[Trade]:
        """The first ``limit`` trades of the steps ``first..last``, oldest first."""
        return self._gathered(max(first, self._first_step), last, limit, newest=False)

    def _gathered(self, first: int, last: int, limit: int, *, newest: bool) -> list[Trade]:
        minutes = range(first // STEPS, last // STEPS + 1)
        parts: list[list[Trade]] = []
        count = 0
        for minute in (minutes[::-1] if newest else minutes)[: self._tape.length]:
            if count >= limit:
                break
            part = self._of_minute(minute, max(0, first - minute * STEPS), min(STEPS, last + 1 - minute * STEPS))
            if part:
                parts.append(part)
                count += len(part)
        trades = [trade for part in (reversed(parts) if newest else parts) for trade in part]
        return trades[-limit:] if newest else trades[:limit]

    def _of_minute(self, minute: int, start: int, end: int) -> list[Trade]:
        """The trades of the steps ``[start, end)`` of a minute. Equal prices take the direction of the minute."""
        volume = self._tape.volume(minute)
        if not volume:
            return []
        lot = self._tape.lot
        way = self._tape.way(minute).last
        rises = int(way[-1] >= way[0])
        before = way[start - 1] if start else self._tape.closed(minute - 1)
        turns = np.sign(np.diff(way[start:end], prepend=before)).tolist()
        trades = []
        traded = volume * start // STEPS // lot * lot
        for step, price, turn in zip(range(start, end), way[start:end].tolist(), turns, strict=True):
            so_far = volume * (step + 1) // STEPS // lot * lot
            quantity, traded = so_far - traded, so_far
            if quantity:
                number = minute * STEPS + step
                falls = turn < 0 if turn else not rises
                trades.append(Trade(number, price, quantity, times(price, quantity), number * STEP_MS, falls))
        return trades
