"""Look at everything, within some seconds whatever hangs.

What asks the same server is one lane: a thread of its own, in which one look follows the other. If the server does not
answer the look of the lane's name says so, and the others are spared. A look that does not return in time is a finding,
too.
"""

import logging
import threading
import time
from collections.abc import Collection
from datetime import datetime

from django.db import InterfaceError, OperationalError

from ops.health.causes import without_consequences
from ops.health.checks import CHECKS
from ops.health.checks.mends import mend
from ops.health.findings import Finding, Level
from ops.own_connection import own_connection

logger = logging.getLogger(__name__)

SECONDS = 3.0  # for everything, as all lanes run at one time
LANES: dict[str, tuple[str, ...]] = {
    "database": (
        *("database", "migrations", "beat", "tick", "naked", "bots", "orders"),
        *("dead-letters", "notifications", "errors"),
    ),
    "cache": ("cache", "worker", "watch"),
    "broker": ("broker", "queue"),
    "feed": ("feed",),
    "exchange": ("exchange",),
    "mail": ("mail",),
    "machine": ("cpu", "memory", "disk", "logs"),
}


def examine(*, now: datetime, only: Collection[str] | None = None, seconds: float = SECONDS) -> list[Finding]:
    """What each look shows, or those that ``only`` names. Takes about ``seconds`` at most and raises nothing.

    A check without a finding could not look, as what it asks is away, or is unwell because of that: one trouble is one
    finding.
    """
    wanted = CHECKS.keys() if only is None else set(only)
    lanes = [Lane(name, wanted, now) for name, checks in LANES.items() if wanted & set(checks)]
    for lane in lanes:
        lane.begin()
    deadline = time.monotonic() + seconds
    found = [finding for lane in lanes for finding in lane.findings_at(deadline, seconds)]
    return without_consequences(found, with_grace=only is None)


class Lane(threading.Thread):
    """The looks at one server, one after the other."""

    hanging: dict[str, "Lane"] = {}  # by name: those that came too late and still run, one of each at most

    def __init__(self, name: str, wanted: Collection[str], now: datetime) -> None:
        super().__init__(name=f"health-{name}", daemon=True)
        self.lane, self.wanted, self.now = name, wanted, now
        self.at = LANES[name][0]
        self.found: list[Finding] = []

    def begin(self) -> None:
        """Start, unless an earlier one hangs: then there is nothing new to see."""
        before = self.hanging.get(self.lane)
        if before is not None and before.is_alive():
            self.at = before.at
            return
        self.start()

    def run(self) -> None:
        with own_connection():
            for position, name in enumerate(LANES[self.lane]):
                if position and name not in self.wanted:
                    continue
                self.at = name
                found = _look(name, self.now)
                is_well = all(finding.level is not Level.CRITICAL for finding in found)
                if name in self.wanted or not is_well:
                    self.found += found
                if name in (self.lane, "migrations") and not is_well:  # the server itself, or all its tables, are away
                    return

    def findings_at(self, deadline: float, seconds: float) -> list[Finding]:
        """All that it has found, and perhaps that it is not done."""
        if self.ident is not None:
            self.join(max(deadline - time.monotonic(), 0))
            if not self.is_alive():
                return self.found
            self.hanging[self.lane] = self
        return [*self.found, _late(self.at, seconds)]


def _late(check: str, seconds: float) -> Finding:
    text = f"{check} has not answered within {seconds:g} s"
    return Finding(check, Level.CRITICAL, text, mend("It hangs, or is overloaded.", "A check hangs"))


def _look(name: str, now: datetime) -> list[Finding]:
    try:
        return CHECKS[name](now)
    except Exception as error:  # whatever it is: who looks at everything must not fall over one
        is_away = isinstance(error, OperationalError | InterfaceError)  # the database: that is told, and no bug of ours
        logger.error("health: the check %s failed: %s", name, error, exc_info=not is_away)
        text = f"the check {name} failed: {type(error).__name__}"
        return [Finding(name, Level.CRITICAL, text, mend("The log tells more.", "A check hangs"))]
