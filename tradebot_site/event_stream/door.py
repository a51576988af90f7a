"""Who may come in. Django answers as it would any request, with all its middleware; its view leaves an opening here."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from aiohttp import web
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import Error as DatabaseTrouble
from django.db import close_old_connections, connection

from market import request_id
from market.feed.threads import Threads
from tradebot_site.api.errors import refuse
from tradebot_site.event_stream.viewer import Opening

logger = logging.getLogger(__name__)
HERE = "tradebot.event_stream"  # a key of the environment that no header can set
MOST_AT_THE_DOOR = 2_000
HOP_BY_HOP = {"connection", "content-length", "transfer-encoding"}


@dataclass(frozen=True)
class Answer:
    """What Django said, and what its view has opened if it lets the caller in."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    opening: Opening | None = None


class Door:
    """One thread and one connection, apart from those who are in already."""

    def __init__(self) -> None:
        self._thread = Threads("door", 1)
        self._handler = WSGIHandler()
        self._waiting = 0

    async def knock(self, request: web.Request) -> Answer:
        """Ask Django about a request."""
        environment = environment_of(request)
        if self._waiting >= MOST_AT_THE_DOOR:
            return _unavailable(environment, "Too many are at the door; in a moment again.")
        self._waiting += 1
        try:
            return await self._thread.do(lambda: self._ask(environment))
        finally:
            self._waiting -= 1

    def _ask(self, environment: dict[str, object]) -> Answer:
        opened: list[Opening] = []
        try:
            close_old_connections()
            connection.close_if_health_check_failed()
            connection.ensure_connection()
        except DatabaseTrouble as error:
            logger.warning("event stream: nobody can be let in, the database does not answer: %s", error)
            return _unavailable(environment, "The database does not answer; in a moment again.")
        response = self._handler.get_response(WSGIRequest(environment | {HERE: opened}))
        went_away = response.status_code == 500 and connection.errors_occurred
        response.close()
        if went_away:
            return _unavailable(environment, "The database does not answer; in a moment again.")
        return _answer(response, opened[0] if opened and response.status_code == 200 else None)


def _unavailable(environment: Mapping[str, object], detail: str) -> Answer:
    told = request_id.begin(str(environment.get("HTTP_X_REQUEST_ID", "")))
    try:
        return _answer(refuse(503, "unavailable", detail, **{"Retry-After": "5", request_id.HEADER: told}))
    finally:
        request_id.end()


def _answer(response: Any, opening: Opening | None = None) -> Answer:
    headers = {name: value for name, value in response.items() if name.lower() not in HOP_BY_HOP}
    return Answer(response.status_code, headers, response.content, opening)


def environment_of(request: web.Request) -> dict[str, object]:
    """A request as WSGI has it. Its body, which a GET has none of, is left out."""
    host, port = ((request.transport and request.transport.get_extra_info("sockname")) or ("", 0))[:2]
    # Two names that differ in these alone would become one: a client's could pass for a proxy's.
    headers = {name: value for name, value in request.headers.items() if "_" not in name}
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path.encode().decode("latin-1"),
        "QUERY_STRING": request.rel_url.raw_query_string,
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.remote or "",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
    } | {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in headers.items()
        if name.lower() not in ("content-length", "content-type")
    }
