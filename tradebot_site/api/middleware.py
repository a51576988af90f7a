"""What happens to every request before and after its view: an id, bounds, and a count for its address."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from market import request_id
from market.api.throttles import address_key, wait_of
from tradebot_site.api.errors import is_api, refuse
from tradebot_site.lockout import client_ip

Next = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Gives each request an id, the caller's own if it has one, and tells it with the answer."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        told = request_id.begin(request.headers.get(request_id.HEADER, ""))
        try:
            response = self.get_response(request)
            response[request_id.HEADER] = told
            return response
        finally:
            request_id.end()


class ApiDoorMiddleware:
    """Refuses what no view need read, and whoever asks for too much: before anybody is looked up."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_api(request):
            return self.get_response(request)
        response = _refusal(request) or self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _refusal(request: HttpRequest) -> HttpResponse | None:
    waits = wait_of({f"ip:{address_key(client_ip(request))}": settings.THROTTLE_ADDRESS}, must_count=False)
    if waits is not None:
        return refuse(429, "throttled", f"Too many requests from this address; in {waits} s again.", **_retry(waits))
    length = request.META.get("CONTENT_LENGTH") or "0"
    most = settings.API_MAX_BYTES
    if not length.isdecimal() or int(length[:12]) > most:
        return refuse(413, "too_large", f"The body has {length[:12]} bytes, at most {most} are taken.")
    if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
        return refuse(400, "invalid", "The address holds a NUL character, which no text of ours has.")
    return None


def _retry(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}
