"""`GET /metrics` of the site: for Prometheus, which has a token or is on the same machine. Nobody else learns of it."""

from collections.abc import Callable
from hmac import compare_digest
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ops.metrics.registry import site_registry

# What a proxy adds: then the address is the proxy's, and tells nothing of who asks.
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


class MetricsDoor:
    """Answer before the host check, the session and the redirect to HTTPS, as for a probe."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path != "/metrics":
            return self.get_response(request)
        if request.method != "GET" or not _may_see(request):
            return HttpResponseNotFound("not found", content_type="text/plain")
        return HttpResponse(generate_latest(site_registry()), content_type=CONTENT_TYPE_LATEST)


def _may_see(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        told = request.headers.get("Authorization", "")
        return compare_digest(told.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
