"""The process: takes connections, writes to them what the hub has for them, and ends within two seconds."""

import asyncio
import logging
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import web
from django.conf import settings
from django.db import Error as DatabaseTrouble

from market import request_id
from market.feed.threads import Threads
from tradebot_site.api.errors import told
from tradebot_site.event_stream import messages
from tradebot_site.event_stream.changes import Change
from tradebot_site.event_stream.door import Answer, Door
from tradebot_site.event_stream.hub import Full, Hub
from tradebot_site.event_stream.marks import Mark
from tradebot_site.event_stream.reading import TooMuch, replay
from tradebot_site.event_stream.viewer import Viewer

logger = logging.getLogger(__name__)
PATH = "/api/v1/events"
HEARTBEAT_SECONDS = 15.0
WRITE_SECONDS = 20.0  # who takes nothing for so long is gone
REPLAY_WAIT_SECONDS = 15.0  # for the others who are before one
GRACE_SECONDS = 1.0
SEND_BUFFER = 65_536
STREAM = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class CannotListen(Exception):
    """The address can't be used; the text says what to do."""


def run() -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotListen."""
    asyncio.run(Service().run())


class Service:
    def __init__(self) -> None:
        self._hub, self._door = Hub(), Door()
        self._replays = Threads("replay", 1)

    async def run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it would write whole requests, tokens included
        app = web.Application()
        app.router.add_get("/health", _health)
        app.router.add_route("*", "/{rest:.*}", self._answer)
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, handler_cancellation=True, shutdown_timeout=GRACE_SECONDS
        )
        await runner.setup()
        host, port = settings.EVENT_STREAM_HOST, settings.EVENT_STREAM_PORT
        try:
            await web.TCPSite(runner, host, port, backlog=1024).start()
        except OSError as error:
            raise CannotListen(f"{host}:{port} can't be used ({error.strerror}): set EVENT_STREAM_PORT") from error
        logger.info("event stream: listens on http://%s:%s", host, runner.addresses[0][1])
        looking = asyncio.create_task(self._hub.run())
        await stop.wait()
        looking.cancel()
        for viewer in self._hub.viewers:
            viewer.end(messages.retry())
        await runner.cleanup()
        logger.info("event stream: stopped")

    # --- one request

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path != PATH:
            return _refusal(request, 404, "not_found", "There is nothing at this address.")
        allowed = _cross_origin(request)
        if allowed is None:
            return _refusal(request, 403, "permission_denied", "This site's pages may not listen here.")
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=allowed)
        answer = await self._door.knock(request)
        if answer.opening is None or request.method != "GET":
            return web.Response(status=answer.status, headers={**answer.headers, **allowed}, body=answer.body)
        viewer = Viewer(answer.opening)
        try:
            self._hub.join(viewer)
        except Full as error:
            status = 429 if error.code == "throttled" else 503
            return _refusal(request, status, error.code, error.detail, {**allowed, "Retry-After": "10"})
        try:
            return await self._tell(request, viewer, answer, allowed)
        finally:
            self._hub.leave(viewer)

    async def _tell(
        self, request: web.Request, viewer: Viewer, answer: Answer, allowed: Mapping[str, str]
    ) -> web.StreamResponse:
        """Write until one of both is gone."""
        named = {request_id.HEADER: answer.headers.get(request_id.HEADER, "")}
        response = web.StreamResponse(headers={**STREAM, **named, **allowed})
        _prepare_socket(request)
        await response.prepare(request)
        try:
            await _write(response, messages.retry() + await self._beginning(viewer))
            while not viewer.is_over:
                taken = await viewer.take(HEARTBEAT_SECONDS)
                if not viewer.is_over:
                    await _write(response, taken or messages.heartbeat(self._hub.mark))
            if viewer.farewell is not None:
                await _write(response, viewer.farewell)
        except (ConnectionError, TimeoutError):
            viewer.drop()
        if viewer.is_slow and request.transport is not None:
            request.transport.abort()
        return response

    async def _beginning(self, viewer: Viewer) -> bytes:
        """That it begins, and what the viewer has missed since it was here last."""
        while self._hub.mark is None:  # the database has not answered once since we began
            await asyncio.sleep(0.1)
        now, last_id = self._hub.mark, viewer.opening.last_id
        since = Mark.read(last_id) if last_id else None
        if not last_id:
            return messages.event("ready", {"resumed": False}, mark=now)
        if since is None or not since.reaches(now):
            return messages.event("reset", {"reason": "It is too long ago: load everything anew."}, mark=now)
        try:
            missed, looks = await self._missed(since, viewer)
        except (TooMuch, DatabaseTrouble, TimeoutError):
            return messages.event("reset", {"reason": "Too much was missed: load everything anew."}, mark=now)
        told = b"".join(change.message(last_id) for change in missed if viewer.wants(change))
        keys = frozenset(change.key for change in missed)
        viewer.note_replayed(keys, read_after=looks, done_at=self._hub.looks)
        return messages.event("ready", {"resumed": True}, mark=last_id) + told + f"id: {now}\n\n".encode()

    async def _missed(self, since: Mark, viewer: Viewer) -> tuple[list[Change], int]:
        owners = viewer.opening.owners

        def read() -> tuple[list[Change], int]:
            looks = self._hub.looks  # what these have told is older than what is read now
            return replay(since, None if owners is None else sorted(owners)), looks

        async with asyncio.timeout(REPLAY_WAIT_SECONDS):
            return await self._replays.do(read)


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "healthy", "service": "tradebot-events"})


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)


def _refusal(
    request: web.Request, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A refusal that is not Django's to make, in the same shape."""
    named = request_id.begin(request.headers.get(request_id.HEADER, ""))
    try:
        sent = {**(headers or {}), request_id.HEADER: named, "Cache-Control": "no-store"}
        return web.json_response(told(code, detail), status=status, headers=sent)
    finally:
        request_id.end()


def _cross_origin(request: web.Request) -> dict[str, str] | None:
    """What a page of another origin has to be told to be allowed to listen; None: it is not."""
    origin = request.headers.get("Origin")
    if origin is None or urlsplit(origin).netloc == request.host:
        return {}
    if origin not in settings.EVENT_STREAM_ORIGINS:
        return None
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Headers": f"Authorization, Last-Event-ID, {request_id.HEADER}",
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Expose-Headers": request_id.HEADER,
        "Vary": "Origin",
    }


def _prepare_socket(request: web.Request) -> None:
    """Let little wait in the kernel, where we don't see it, and let the kernel tell when nobody takes it."""
    opened = request.transport and request.transport.get_extra_info("socket")
    if not opened or opened.family == socket.AF_UNIX:
        return
    with suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(WRITE_SECONDS * 1000))
