"""Times what the site answers, by view: never by path, of which there is no end."""

from collections.abc import Callable
from time import monotonic

from django.http import HttpRequest, HttpResponse

from market.telemetry import OTHER
from ops.metrics.process import REQUEST_SECONDS

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


class RequestTimes:
    """The first middleware of all, so that the time of the others counts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = monotonic()
        response = self.get_response(request)
        method = request.method if request.method in METHODS else OTHER
        REQUEST_SECONDS.observe(monotonic() - began, method=method, view=_view_of(request), status=response.status_code)
        return response


def _view_of(request: HttpRequest) -> str:
    """The name that the address has in our URLs, or its pattern; none for what is answered before one is looked for."""
    match = request.resolver_match
    return (match.view_name or match.route or "root") if match else "none"
