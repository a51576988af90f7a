"""`GET /health`: the process answers; no query, no Redis. `GET /health/ready`: so does all that lies behind it."""

import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from ops.health.examining import examine
from ops.health.findings import Finding, Level

NEEDED = ("database", "migrations", "cache", "broker", "beat", "worker", "feed")
SHARED_SECONDS = 2.0  # a storm of probes costs one look
STALE_SECONDS = 10.0  # what is told while somebody looks, so that probes do not hold all threads


class HealthMiddleware:
    """Answer before the host check, the session and the redirect to HTTPS: a probe has none of them.

    Who might be an operator, and only while the database can tell, goes on to the view that tells more.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/health":
            return JsonResponse({"status": "healthy", "service": "tradebot-backend"})
        if request.path == "/health/ready":
            found = readiness()
            if not _may_be_known(request) or "database" in failed(found):
                return answer(found)
        return self.get_response(request)


def _may_be_known(request: HttpRequest) -> bool:
    return "Authorization" in request.headers or settings.SESSION_COOKIE_NAME in request.COOKIES


class _Look:
    """The last look of this process."""

    lock = threading.Lock()
    at = float("-inf")
    found: list[Finding] = []


def readiness() -> list[Finding]:
    """What is needed to work for people, as it stood at most SHARED_SECONDS ago; older while somebody looks."""
    if time.monotonic() - _Look.at < SHARED_SECONDS:
        return _Look.found
    may_be_old = time.monotonic() - _Look.at < STALE_SECONDS
    if not _Look.lock.acquire(blocking=not may_be_old):
        return _Look.found
    try:
        if time.monotonic() - _Look.at >= SHARED_SECONDS:  # else somebody has looked while we waited
            _Look.found = examine(now=timezone.now(), only=NEEDED)
            _Look.at = time.monotonic()
        return _Look.found
    finally:
        _Look.lock.release()


def failed(found: list[Finding]) -> list[str]:
    """The checks without which we are not ready; warnings are no reason to send people elsewhere."""
    return sorted({finding.check for finding in found if finding.level is Level.CRITICAL})


def answer(found: list[Finding], *, with_texts: bool = False) -> JsonResponse:
    """200 or 503. Texts and mends name hosts, workers and queues: they are for operators."""
    names = failed(found)
    told: dict[str, object] = {"status": "unready", "failed": names} if names else {"status": "ready"}
    if with_texts:
        told["findings"] = [vars(finding) for finding in found]
    return JsonResponse(told, status=503 if names else 200, headers={"Cache-Control": "no-store"})
