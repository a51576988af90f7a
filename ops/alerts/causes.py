"""Which trouble explains which: PostgreSQL is dead, ten checks fail, and people are told of PostgreSQL. Plain rules.

What is explained is not known to be bad, nor to be well: nothing is opened and nothing closed for it, as long as its
cause is seen and for a while after, in which workers, beat and feed find their way back.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta

from ops.health.findings import Finding, Level

AFTERMATH = timedelta(seconds=90)
# By check: what it can't be judged without. Of several dead at one time the one to begin with comes first.
_DATABASE, _BROKER, _CACHE = "database", "broker", "cache"
_ALL = (_DATABASE, _BROKER, _CACHE)
CAUSES: dict[str, tuple[str, ...]] = {
    "broker": (),
    "cache": (_BROKER,),  # mostly the same server; if not, it is told as soon as the broker is back
    "migrations": (_DATABASE,),
    "beat": _ALL,
    "worker": _ALL,
    "queue": _ALL,
    "tick": (*_ALL, "beat"),
    "feed": (*_ALL, "exchange"),
    "exchange": (_DATABASE, _CACHE),
    "bots": (*_ALL, "exchange"),
    "orders": (*_ALL, "exchange"),
    "naked": (_DATABASE,),
    "dead-letters": _ALL,
    "notifications": (*_ALL, "mail"),
    "errors": (*_ALL, "exchange", "mail"),
    "watch": (_DATABASE, _CACHE),
}
# A silent worker explains what waits in its queues, and none else.
_SERVES = {"queue": "worker", "tick": "worker"}
_TICKS = ("trading", "high_priority")


def fingerprint_of(finding: Finding) -> str:
    """By what the condition is known again."""
    return f"{finding.check}:{finding.subject}"[:200]


def cause_of(finding: Finding, bad: Iterable[Finding], lately: Collection[str] = ()) -> str:
    """The check that explains it; empty when it speaks for itself.

    ``bad`` are all findings of now that are not well, ``lately`` the checks that were critical a moment ago.
    """
    critical = [one for one in bad if one.level is Level.CRITICAL]
    there = {one.check for one in critical} | set(lately)
    for cause in CAUSES.get(finding.check, ()):
        if cause in there:
            return cause
    if any(_is_unserved(finding, one) for one in critical if one.check == _SERVES.get(finding.check)):
        return "worker"
    return ""


def _is_unserved(finding: Finding, worker: Finding) -> bool:
    """Whether nobody takes from the queue that it is about: a worker's finding names the queues it leaves behind."""
    queues = (finding.subject,) if finding.check == "queue" else _TICKS
    words = worker.text.replace(",", " ").replace(";", " ").split()
    return any(queue in words for queue in queues if queue)


def lasting(findings: Iterable[Finding], lately: Collection[str] = ()) -> tuple[list[Finding], list[Finding]]:
    """Those that are bad and speak for themselves, and those that something else explains."""
    bad = [finding for finding in findings if not finding.is_well]
    alone = [finding for finding in bad if not cause_of(finding, bad, lately)]
    return alone, [finding for finding in bad if finding not in alone]
