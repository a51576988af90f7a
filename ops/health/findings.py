"""What a look at one thing showed. Readiness, doctor, alerts, metrics and reports all tell of these."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # somebody should look today
    CRITICAL = "critical"  # somebody must look now


@dataclass(frozen=True)
class Finding:
    """One look at one thing. ``check`` and ``subject`` together name the condition: an alert is told once for each."""

    check: str  # what was looked at: database, cache, broker, beat, worker, feed, paper exchange, mail, disk …
    level: Level
    text: str  # a sentence for people, with the figure and its bound; no secret
    mend: str = ""  # what to do about it, with the command that shows or mends it; empty when all is well
    subject: str = ""  # which one of several: a worker's name, a queue, a disk
    value: float | None = None  # the figure, if there is one

    @property
    def fingerprint(self) -> str:
        """By what the condition is known again."""
        return f"{self.check}:{self.subject}"[:200]

    @property
    def is_well(self) -> bool:
        return self.level is Level.OK


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """In the order in which people should read them; those that are equally bad stay as they come."""
    order = (Level.CRITICAL, Level.WARNING, Level.OK)
    return sorted(found, key=lambda finding: order.index(finding.level))
