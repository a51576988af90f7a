"""All looks at one time, none of them waited for longer than the rest."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Thread

from ops.doctor import servers, settings, stack
from ops.health import Finding, Level, examine, worst_first
from ops.health.checks import CHECKS

SECONDS = 2.5  # for all looks: with a second and a half for the start of a process it is less than five


@dataclass(frozen=True)
class Examined:
    """All findings, the worst first."""

    findings: list[Finding]

    @property
    def level(self) -> Level:
        return self.findings[0].level if self.findings else Level.OK

    @property
    def is_healthy(self) -> bool:
        """A warning is for somebody to look at today; it is no reason to ring a bell."""
        return self.level is not Level.CRITICAL


def examine_everything(*, now: datetime) -> Examined:
    """Look at all that runs; where nothing does, say that first and only once."""
    begun = time.monotonic()
    nothing = stack.missing_stack()
    looks = [Look(settings.packages)]
    if nothing is not None:
        looks.append(Look(lambda: CHECKS["disk"](now)))
    else:
        looks += [Look(stack.processes), Look(servers.postgres), Look(servers.redis)]
        looks.append(Look(lambda: servers.exchange_clocks(now=now)))
    if stack.is_production():
        looks.append(Look(settings.security))
    for look in looks:
        look.start()
    found = [nothing] if nothing else examine(now=now, seconds=SECONDS)
    for look in looks:
        look.join(max(begun + SECONDS - time.monotonic(), 0.05))
        found += look.found
    return Examined(worst_first(found))


class Look(Thread):
    """One of our own. One that hangs is left behind: whom it asks `examine` has asked too, and tells of."""

    def __init__(self, look: Callable[[], list[Finding]]) -> None:
        super().__init__(daemon=True)
        self._look = look
        self.found: list[Finding] = []

    def run(self) -> None:
        try:
            self.found = self._look()
        except Exception as error:  # whatever it is: the others are to be told all the same
            text = f"a look of doctor's own failed: {type(error).__name__}"
            self.found = [Finding("doctor", Level.CRITICAL, text, "mend ops/doctor; the other findings are right")]
