"""One websocket of a client: what is sent to it, what it may say how often, pings, and its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from market.paper.streams.frames import ping_frame, pong_frame

# What waits for a slow reader, beside what the kernel holds. Beyond it the connection ends, as on Binance.
MAX_WAITING_BYTES = 256 * 1024
LIFETIME_SECONDS = 24 * 3600
POLICY_VIOLATION = 1008
GOING_AWAY = 1001


@dataclass(frozen=True, slots=True)
class Manners:
    """How often a server pings, how long it waits for a pong, how many frames a second a client may send (0: any)."""

    ping_seconds: float
    pong_seconds: float
    frames_per_second: int


SPOT = Manners(ping_seconds=20, pong_seconds=60, frames_per_second=5)
FUTURES = Manners(ping_seconds=180, pong_seconds=600, frames_per_second=10)
# Requests are metered by their weight instead.
API = Manners(ping_seconds=20, pong_seconds=60, frames_per_second=0)


class Connection:
    """A websocket that was accepted. Subclasses say what a text means."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport, manners: Manners) -> None:
        self._socket = socket
        self._transport = transport
        self._manners = manners
        self._loop = asyncio.get_running_loop()
        self._pinged_at: float | None = None
        self._second, self._frames = 0, 0
        self._timers: list[asyncio.TimerHandle] = []
        self._ending: asyncio.Task[None] | None = None

    def send(self, frame: bytes) -> None:
        """Send a whole frame now. A reader that is too slow loses the connection; nothing is left out for it."""
        transport = self._transport
        # A socket is closed from our close frame on: nothing may follow it.
        if transport.is_closing() or self._socket.closed:
            return
        if transport.get_write_buffer_size() + len(frame) > MAX_WAITING_BYTES:
            self.abort()
        else:
            transport.write(frame)

    def abort(self) -> None:
        """End it at once, without a word."""
        self._transport.abort()

    async def run(self) -> None:
        """Listen to the client until either side ends it."""
        self._timers = [
            self._loop.call_later(self._manners.ping_seconds, self._ping),
            self._loop.call_later(LIFETIME_SECONDS, self._end_of_life),
        ]
        try:
            while True:
                message = await self._socket.receive()
                if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                    return
                if self._is_too_fast():
                    await self.close(POLICY_VIOLATION, "Too many requests")
                    return
                await self._hear(message.type, message.data)
        finally:
            for timer in self._timers:
                timer.cancel()

    async def close(self, code: int = GOING_AWAY, reason: str = "disconnected") -> None:
        """End it politely: close frame, then the client's."""
        await self._socket.close(code=code, message=reason.encode())

    def forget(self) -> None:
        """Let go of everything: the connection has ended."""

    def farewell(self, now_ms: int) -> bytes | None:
        """What a client is told before the server stops."""
        return None

    async def on_text(self, text: str) -> None:
        """Do what the client says."""
        raise NotImplementedError

    async def _hear(self, kind: WSMsgType, data: Any) -> None:
        if kind == WSMsgType.PING:
            self.send(pong_frame(data))
        elif kind == WSMsgType.PONG:
            self._pinged_at = None
        else:
            await self.on_text(data if kind == WSMsgType.TEXT else data.decode(errors="replace"))

    def _is_too_fast(self) -> bool:
        limit, second = self._manners.frames_per_second, int(self._loop.time())
        if second != self._second:
            self._second, self._frames = second, 0
        self._frames += 1
        return 0 < limit < self._frames

    def _ping(self) -> None:
        now = self._loop.time()
        if self._pinged_at is None:
            self._pinged_at = now
        elif now - self._pinged_at >= self._manners.pong_seconds:
            self.abort()
            return
        self.send(ping_frame(b"%d" % int(now * 1000)))
        self._timers[0] = self._loop.call_later(self._manners.ping_seconds, self._ping)

    def _end_of_life(self) -> None:
        self._ending = self._loop.create_task(self.close())
