"""One trouble is told once: what only follows from another finding is withheld while that one is critical.

Who looks at everything, so that people are told, withholds it for some time longer, too: workers need a moment to come
back to a broker that is there again. Readiness does not: it says how things stand.
"""

import time
from collections.abc import Set
from urllib.parse import urlsplit

from django.conf import settings

from ops.health.findings import Finding, Level

GRACE_SECONDS = 75.0  # until a tick has begun and ended
CAUSES: dict[str, tuple[str, ...]] = {
    "migrations": ("database",),
    "beat": ("broker", "migrations"),
    "worker": ("broker",),
    "queue": ("broker", "worker", "database"),
    "tick": ("broker", "beat", "worker", "migrations"),
    "feed": ("database", "cache", "broker", "beat", "worker", "exchange"),
    "exchange": ("database", "cache"),
    "notifications": ("broker", "beat", "worker", "mail"),
    "orders": ("exchange",),
    "errors": ("database", "cache", "exchange"),
}

_critical_at: dict[str, float] = {}  # when a check of this process was critical last


def without_consequences(found: list[Finding], *, with_grace: bool) -> list[Finding]:
    """All but the findings that are unwell because of another one."""
    now, critical = time.monotonic(), {finding.check for finding in found if finding.level is Level.CRITICAL}
    _critical_at.update(dict.fromkeys(critical, now))
    if with_grace:
        critical |= {check for check, at in _critical_at.items() if now - at < GRACE_SECONDS}
    return [finding for finding in found if finding.is_well or not _has_cause(finding.check, critical)]


def _has_cause(check: str, critical: Set[str]) -> bool:
    if check == "cache" and _is_one_server():
        return "broker" in critical
    return any(cause in critical for cause in CAUSES.get(check, ()))


def _is_one_server() -> bool:
    """Whether cache and broker are one Redis, as under `make up`."""
    return _server(settings.REDIS_URL) == _server(settings.CELERY_BROKER_URL)


def _server(url: str) -> tuple[str, int | None, str]:
    """A host and port, or a socket. The path of an address with a host is the number of a database."""
    parts = urlsplit(url)
    return (parts.hostname, parts.port or 6379, "") if parts.hostname else ("", None, parts.path)
