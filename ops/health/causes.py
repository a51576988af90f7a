"""One trouble is told once: which explains which. PostgreSQL is dead, ten checks fail, and people hear of PostgreSQL.

What is explained is not known to be bad, nor to be well: it is withheld while its cause is critical. Who looks at
everything, so that people are told, withholds it for some time longer, too: workers, beat and feed need a moment to
find their way back. Readiness does not: it says how things stand.
"""

from collections.abc import Collection, Iterable
from time import monotonic
from urllib.parse import urlsplit

from django.conf import settings

from ops.health.findings import Finding, Level

GRACE_SECONDS = 90.0  # until a tick has begun and ended
_SERVERS = ("database", "broker", "cache")
# By check: what it can't be judged without.
CAUSES: dict[str, tuple[str, ...]] = {
    "migrations": ("database",),
    "beat": (*_SERVERS, "migrations"),
    "worker": _SERVERS,
    "queue": _SERVERS,
    "tick": (*_SERVERS, "beat", "migrations"),
    "feed": (*_SERVERS, "beat", "exchange"),
    "exchange": ("database", "cache"),
    "bots": (*_SERVERS, "exchange"),
    "orders": (*_SERVERS, "exchange"),
    "naked": ("database",),
    "dead-letters": _SERVERS,
    "notifications": (*_SERVERS, "beat", "mail"),
    "errors": (*_SERVERS, "exchange", "mail"),
    "watch": ("database", "cache"),
}
# By check: the queues that it waits for. A worker explains its own only.
QUEUES: dict[str, tuple[str, ...]] = {
    "tick": ("trading", "high_priority"),
    "feed": ("data_sync",),
    "notifications": ("notifications",),
}

_critical: dict[str, tuple[float, Finding]] = {}  # by fingerprint: when this process saw it last
_withheld: list[str] = []


def without_consequences(found: Iterable[Finding], *, with_grace: bool) -> list[Finding]:
    """All but the findings that are unwell because of another one."""
    found, now = list(found), monotonic()
    critical = [finding for finding in found if finding.level is Level.CRITICAL]
    _critical.update({finding.fingerprint: (now, finding) for finding in critical})
    for mark, (at, _) in list(_critical.items()):
        if now - at >= GRACE_SECONDS:
            _critical.pop(mark, None)
    causes = [finding for _, finding in list(_critical.values())] if with_grace else critical
    explained = [finding for finding in found if not finding.is_well and _is_explained(finding, causes)]
    if with_grace:
        _withheld[:] = [finding.fingerprint for finding in explained]
    return [finding for finding in found if finding not in explained]


def withheld() -> list[str]:
    """Fingerprints of what this process withheld when it last looked at everything: nobody may take it for well."""
    return list(_withheld)


def forget() -> None:
    """What this process has seen; for tests."""
    _critical.clear()
    _withheld.clear()


def _is_explained(finding: Finding, causes: Collection[Finding]) -> bool:
    there = {cause.check for cause in causes}
    if finding.check == "cache":
        return "broker" in there and _is_one_server()
    if there.intersection(CAUSES.get(finding.check, ())):
        return True
    queues = (finding.subject,) if finding.check == "queue" else QUEUES.get(finding.check, ())
    return any(_leaves(cause, queues) for cause in causes if cause.check == "worker")


def _leaves(worker: Finding, queues: Collection[str]) -> bool:
    """Whether nobody takes from one of these: the finding names those that are left, or it is about all."""
    words = worker.text.replace(",", " ").replace(";", " ").split()
    return any(queue in words or not worker.subject for queue in queues)


def _is_one_server() -> bool:
    """Whether cache and broker are one Redis, as under `make up`."""
    return _server(settings.REDIS_URL) == _server(settings.CELERY_BROKER_URL)


def _server(url: str) -> tuple[str, int | None, str]:
    """A host and port, or a socket. The path of an address with a host is the number of a database."""
    parts = urlsplit(url)
    return (parts.hostname, parts.port or 6379, "") if parts.hostname else ("", None, parts.path)
