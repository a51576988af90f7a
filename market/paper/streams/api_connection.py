"""A connection to the WebSocket API: /ws-api/v3 and /ws-fapi/v1. A request is answered by its REST endpoint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import orjson
from aiohttp import web

from market.paper.engine.types import Market
from market.paper.streams.api_methods import plain_name, target_of
from market.paper.streams.api_requests import ApiRequest, Unreadable, answer, request_of, rest_query
from market.paper.streams.api_session import Later, Session
from market.paper.streams.connection import API, Connection
from market.paper.streams.frames import text_frame
from market.paper.web import errors
from market.paper.web.call import Call, DropConnection, Endpoint, Reply, error_reply
from market.paper.web.errors import ApiError

if TYPE_CHECKING:
    from market.paper.exchange import Exchange

logger = logging.getLogger("paper")

MAX_RUNNING = 200
CONNECT_WEIGHT = 2


class Dispatch(Protocol):
    """Pipeline.dispatch: answer a call as if it had come by HTTP; by ``endpoint``, if it is not one of its own."""

    def __call__(
        self,
        method: str,
        path: str,
        query: str,
        /,
        *,
        api_key: str | None = None,
        ip: str = "",
        endpoint: Endpoint | None = None,
    ) -> Awaitable[Reply]: ...


class ApiConnection(Connection):
    """Requests and user data subscriptions of one client."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        exchange: Exchange,
        dispatch: Dispatch,
        market: Market,
        ip: str,
        *,
        rate_limits: bool,
    ) -> None:
        super().__init__(socket, transport, API)
        self._exchange = exchange
        self._dispatch = dispatch
        self._market = market
        self._venue = exchange.venues[market]
        self._ip = ip
        self._rate_limits = rate_limits
        self._session = Session(self, exchange, rate_limits=rate_limits)
        self._running: set[asyncio.Task[None]] = set()
        self._venue.weights.add(ip, CONNECT_WEIGHT, exchange.now_ms())

    def farewell(self, now_ms: int) -> bytes | None:
        """serverShutdown."""
        return text_frame(orjson.dumps({"event": {"e": "serverShutdown", "E": now_ms}}))

    async def on_text(self, text: str) -> None:
        """Begin to answer a request: requests are carried out in their order, answered when they are on disk."""
        if len(self._running) >= MAX_RUNNING:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._reply(text))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def forget(self) -> None:
        """Let go of everything: the connection has ended. What runs goes on, for it may have placed an order."""
        self._session.end()

    async def _reply(self, text: str) -> None:
        try:
            request = request_of(text)
        except Unreadable as error:
            self.send(text_frame(answer(error.request_id, 400, error_reply(error.error).body, None)))
            return
        later: Later = []
        try:
            reply = await self._answer(request, later)
        except DropConnection:
            self.abort()
            return
        except Exception:
            logger.exception("%s failed", request.method)
            reply = error_reply(errors.unknown())
        shown = self._rate_limits if request.rate_limits is None else request.rate_limits
        body = self._with_retry(reply) if "Retry-After" in reply.headers else reply.body
        limits = self._limits(reply) if shown else None
        self.send(text_frame(answer(request.request_id, reply.status, body, limits)))
        for act in later:
            act()

    async def _answer(self, request: ApiRequest, later: Later) -> Reply:
        """Raises DropConnection."""
        name = plain_name(self._market, request.method)
        endpoint = self._session.endpoint_of(name, later) if self._market == "spot" else None
        target = target_of(self._market, name)
        if target is None:
            endpoint = endpoint or Endpoint("WS", "unknown", _refuse, self._market)
            target = endpoint.method, endpoint.path
        query = rest_query(request, self._exchange.accounts_by_key)
        key = request.params.get("apiKey")
        return await self._dispatch(*target, query, api_key=key, ip=self._ip, endpoint=endpoint)

    def _limits(self, reply: Reply) -> list[dict[str, Any]]:
        """The rate limits the request counted for: weight always, orders when it placed one."""
        used = self._venue.weights.used(self._ip, self._exchange.now_ms())
        rows = []
        for row in self._venue.info["rateLimits"]:
            if row["rateLimitType"] == "REQUEST_WEIGHT":
                rows.append(row | {"count": used})
            elif row["rateLimitType"] == "ORDERS":
                count = reply.headers.get(f"X-MBX-ORDER-COUNT-{row['intervalNum']}{row['interval'][0]}")
                if count is not None:
                    rows.append(row | {"count": int(count)})
        return rows

    def _with_retry(self, reply: Reply) -> bytes:
        """An error that says when to come back."""
        now_ms = self._exchange.now_ms()
        wait_ms = int(reply.headers["Retry-After"]) * 1000
        data = {"serverTime": now_ms, "retryAfter": now_ms + wait_ms}
        # As text: faults may have spoilt what is a JSON object otherwise.
        return reply.body.removesuffix(b"}") + b',"data":' + orjson.dumps(data) + b"}"


def _refuse(call: Call) -> NoReturn:
    raise ApiError(-1020, "This operation is not supported.")
