"""What happens to every request before and after its view: an id, bounds, and a count for its address."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse

from market import request_id
from market.api.throttles import address_key, wait_of
from market.logs import context
from ops import verbosity
from tradebot_site.api.errors import API, is_api, refuse
from tradebot_site.lockout import client_ip

BODIES = ("POST", "PUT", "PATCH")
MOST_DIGITS = 12  # of a length, zeros before it included
MOST_READ_AWAY = 4_000_000  # bytes of a body that is refused anyway
Next = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Gives each request an id, the caller's own if it has one, and tells it with the answer.

    It ends with the answer, not here: Django logs what was refused after all middleware, and a stream goes on for long.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        request_finished.connect(_end_request, dispatch_uid="tradebot_site.api.request_id")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        told = request_id.begin(request.headers.get(request_id.HEADER, ""))
        response = self.get_response(request)
        response[request_id.HEADER] = told
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Who asks, of those who are logged in; programs come with a token, which the API looks at."""
        verbosity.look()
        if settings.SESSION_COOKIE_NAME in request.COOKIES and (user := request.session.get(SESSION_KEY)):
            context.bind(user=int(user))


def _end_request(**_: object) -> None:
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
    if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
        return refuse(400, "invalid", "The address holds a NUL character, which no text of ours has.")
    return _refusal_of_body(request)


def _refusal_of_body(request: Any) -> HttpResponse | None:
    most = settings.API_MAX_BYTES
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        _read_chunks(request, most=most)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or len(length) > MOST_DIGITS:
        return refuse(400, "bad_request", f"Content-Length is no number of at most {MOST_DIGITS} digits.")
    if int(length) > most:
        if int(length) <= MOST_READ_AWAY:
            _read_away(request._stream)
        return refuse(413, "too_large", f"The body is larger than the {most} bytes that are taken.")
    kind = request.content_type or ""
    has_body = int(length) and request.method in BODIES and request.path_info.startswith(API)
    if has_body and kind.lower() != "application/json":
        told = f"{kind[:60]!r} is not taken: send application/json."
        return refuse(415, "unsupported_media_type", told)
    return None


def _read_chunks(request: Any, *, most: int) -> None:
    """Take the body of a request that does not say how long it is, which Django would leave out without a word."""
    source = request.META["wsgi.input"]
    body = source.read(most + 1)
    if len(body) > most:
        _read_away(source)
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = BytesIO(body)


def _read_away(source: Any) -> None:
    """Who is still sending when the connection is closed does not get to read why."""
    left = MOST_READ_AWAY
    while left > 0 and (read := source.read(min(left, 65_536))):
        left -= len(read)


def _retry(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}
