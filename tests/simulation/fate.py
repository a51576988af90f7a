"""What befalls a world: waits, workers that freeze or are killed, faults of the exchange. All of it by dice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from tests.simulation.dice import Dice, Odds
from tests.simulation.scheduler import Scheduler

SLOW_MS = (20, 2_000)
FROZEN_MS = (5_000, 60_000)
Method = TypeVar("Method", bound=Callable[..., Any])


class Killed(BaseException):
    """kill -9: the worker does nothing any more, not even tidy up."""


class Fate:
    """Lets time pass for workers, kills some of them, and counts what went wrong."""

    def __init__(self, scheduler: Scheduler, dice: Dice) -> None:
        self.scheduler = scheduler
        self.dice = dice
        self.faults: Counter[str] = Counter()
        self.kills = 0
        self._thresholds: dict[tuple[str, ...], list[tuple[float, str]]] = {}

    def pause(self, most_ms: int) -> bool:
        """Let the worker wait for what it is about to do, at least 1 ms. It may never come to it; or, if this is True,
        never come back from it: see ``die``."""
        chance, odds = self.dice.random(), self.dice.odds
        if chance < odds.killed:
            self.die()
        if chance < 1 - odds.slow - odds.frozen:
            self.scheduler.pause(1 + int(chance * most_ms))
        elif chance < 1 - odds.frozen:
            self.scheduler.pause(self.dice.between(*SLOW_MS))
        else:
            self.faults["frozen"] += 1
            self.scheduler.pause(self.dice.between(*FROZEN_MS))
        return chance < 2 * odds.killed

    def die(self) -> None:
        """Kill the worker that calls this."""
        self.kills += 1
        raise Killed

    def strikes(self, fault: str) -> bool:
        """Whether a fault happens now."""
        if self.dice.random() >= getattr(self.dice.odds, fault):
            return False
        self.faults[fault] += 1
        return True

    def trouble(self, *kinds: str) -> str:
        """The one of several faults that happens now; empty: none."""
        thresholds = self._thresholds.get(kinds)
        if thresholds is None:
            total, thresholds = 0.0, []
            for kind in kinds:
                total += getattr(self.dice.odds, kind)
                thresholds.append((total, kind))
            self._thresholds[kinds] = thresholds
        chance = self.dice.random()
        if chance >= thresholds[-1][0]:
            return ""
        found = next(kind for bound, kind in thresholds if chance < bound)
        self.faults[found] += 1
        return found

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.dice.odds = Odds.none()
        self.forget_odds()

    def forget_odds(self) -> None:
        """The odds have changed."""
        self._thresholds.clear()


def atomic(method: Method) -> Method:
    """A method of something with a ``fate`` that takes no time, between waits at which everybody else goes on."""

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        doomed = self.fate.pause(4)
        result = method(self, *args, **kwargs)
        if doomed:
            self.fate.die()
        return result

    return call  # type: ignore[return-value]
