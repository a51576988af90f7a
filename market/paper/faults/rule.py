"""A step that is on the board: whether it has begun, how often it has happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Literal

from market.paper.faults.kinds import Fault
from market.paper.faults.steps import Step

MS_PER_SECOND = 1000


@dataclass(eq=False, slots=True)
class Rule:
    """One step at work. ``accounts`` are the ids it is about, None: everybody's. ``then``: what begins when it ends."""

    number: int
    step: Step
    fault: Fault
    random: Random
    accounts: frozenset[int] | None
    then: Rule | None = None
    state: Literal["waiting", "active", "done"] = "waiting"
    until_ms: int | None = None
    seen: int = 0
    hits: int = 0

    def begin(self, now_ms: int) -> None:
        """Be active from now on."""
        self.state = "active"
        self.fault = self.step.fault.begun(now_ms)
        if self.step.for_seconds is not None:
            self.until_ms = now_ms + round(self.step.for_seconds * MS_PER_SECOND)

    @property
    def is_spent(self) -> bool:
        """True when it has happened as often as it may."""
        return self.step.times is not None and self.hits >= self.step.times

    def happens(self, *, too_late: bool = False) -> bool:
        """Count a call or event that matches; True when the fault happens to it. The same seed, the same answers.

        ``too_late``: another fault has ended the call already.
        """
        if self.is_spent:
            return False
        self.seen += 1
        if self.seen <= self.step.after_requests:
            return False
        if self.step.probability < 1 and self.random.random() >= self.step.probability:
            return False
        if too_late:
            return False
        self.hits += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The rule for people."""
        step = self.step
        bounds = {"times": step.times, "for_seconds": step.for_seconds, "seed": step.seed}
        return {
            "id": self.number,
            "fault": step.name,
            "params": asdict(self.step.fault),
            "match": step.match.as_json(),
            **{name: value for name, value in bounds.items() if value is not None},
            **({"after_requests": step.after_requests} if step.after_requests else {}),
            **({"probability": step.probability} if step.probability < 1 else {}),
            "state": self.state,
            "until_ms": self.until_ms,
            "seen": self.seen,
            "hits": self.hits,
        }
