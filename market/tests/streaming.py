"""An exchange that serves candles by REST and by stream as a test says. It runs in a thread of the test."""

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, Self

from aiohttp import WSMsgType, web

MINUTE_MS = 60_000
Row = list[Any]


def candle(open_ms: int, close: str = "1.5", *, high: str = "2") -> Row:
    """A candle of one minute as REST tells it."""
    return [open_ms, "1", high, "0.5", close, "10", open_ms + MINUTE_MS - 1]


class StreamingExchange:
    """Its candles are the same for all symbols."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.limits: list[int] = []  # of all requests for candles
        self.names: list[str] = []  # what is subscribed to
        self.answers_requests = True
        self.refusal = ""  # what a request is answered with instead of being carried out
        self.lives = 0  # how many connections there have been
        self.url = ""
        self._sockets: set[web.WebSocketResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._started: Future[str] = Future()

    def will(self, rows: Iterable[Row]) -> None:
        """Have these candles from now on, by their open times."""
        for row in rows:
            self.rows[row[0]] = row

    def says(
        self, row: Row, *, symbol: str = "BTCUSDT", closed: bool = True, said_ms: int | None = None, **changes: Any
    ) -> None:
        """Tell of a candle by stream."""
        told = dict(zip(("t", "o", "h", "l", "c", "v", "T"), row, strict=True))
        k = told | {"s": symbol, "i": "1m", "x": closed} | changes
        self.tells(
            f"{symbol.lower()}@kline_1m", {"e": "kline", "E": said_ms or row[0] + MINUTE_MS, "s": symbol, "k": k}
        )

    def tells(self, stream: str, data: Any) -> None:
        """Tell anything by a stream."""
        self._do(self._spread({"stream": stream, "data": data}))

    def hangs_up(self) -> None:
        """End all connections."""
        self._do(self._close())

    @property
    def connections(self) -> int:
        return len(self._sockets)

    async def _spread(self, message: Any) -> None:
        for socket in list(self._sockets):
            await (socket.send_str(message["data"]) if message["stream"] == "" else socket.send_json(message))

    async def _close(self) -> None:
        for socket in list(self._sockets):
            await socket.close()

    async def _candles(self, request: web.Request) -> web.Response:
        limit = int(request.query["limit"])
        self.limits.append(limit)
        return web.json_response([self.rows[at] for at in sorted(self.rows)][-limit:])

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        self.lives += 1
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT and self.answers_requests:
                    await self._answer(socket, message.json())
        finally:
            self._sockets.discard(socket)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if self.refusal:
            await socket.send_json({"error": {"code": 2, "msg": self.refusal}, "id": asked["id"]})
            return
        if asked["method"] == "SUBSCRIBE":
            self.names += asked["params"]
        else:
            self.names = [name for name in self.names if name not in asked["params"]]
        await socket.send_json({"result": None, "id": asked["id"]})

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self) -> None:
        app = web.Application()
        app.add_routes([web.get("/api/v3/klines", self._candles), web.get("/stream", self._stream)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._started.set_result("http://{}:{}".format(*self._runner.addresses[0]))

    def __enter__(self) -> Self:
        self._loop_thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._loop_thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop)
        self.url = self._started.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._do(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._loop_thread.join(10)
