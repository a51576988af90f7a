"""Websockets to a PaperServer, for tests: what is said, what is heard, with a deadline."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from market.paper.tests.server import PaperServer

DEADLINE_SECONDS = 10


class Socket:
    """One websocket; what came while something else was waited for is kept."""

    def __init__(self, plain: aiohttp.ClientWebSocketResponse) -> None:
        self.plain = plain
        self.heard: list[Any] = []

    async def say(self, **message: Any) -> None:
        await self.plain.send_json(message)

    async def hear(self, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """The next message that is as wanted."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                message = await self.plain.receive()
                assert message.type == aiohttp.WSMsgType.TEXT, f"{message} after {self.heard[-5:]}"
                self.heard.append(json.loads(message.data))
                if wanted(self.heard[-1]):
                    return self.heard[-1]

    async def ask(self, method: str, params: Any = None, request_id: Any = 1) -> Any:
        """A request and its answer, whatever comes between."""
        await self.say(method=method, id=request_id, **({} if params is None else {"params": params}))
        return await self.hear(lambda message: isinstance(message, dict) and message.get("id") == request_id)

    async def end(self) -> int:
        """Listen until the server ends it; its close code."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not self.plain.closed:
                message = await self.plain.receive()
                if message.type == aiohttp.WSMsgType.TEXT:
                    self.heard.append(json.loads(message.data))
        return self.plain.close_code or 0


@asynccontextmanager
async def socket_to(paper: PaperServer, path: str, **options: Any) -> AsyncIterator[Socket]:
    """Open a websocket."""
    url = paper.url.replace("http", "ws", 1) + path
    async with aiohttp.ClientSession() as session, session.ws_connect(url, **options) as plain:
        yield Socket(plain)


def signed(key: dict[str, Any], **params: Any) -> dict[str, Any]:
    """Parameters of a signed request of the WebSocket API."""
    params = {"apiKey": key["api_key"], "timestamp": int(time.time() * 1000), **params}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    digest = hmac.new(key["api_secret"].encode(), payload.encode(), hashlib.sha256).hexdigest()
    return params | {"signature": digest}
