"""A connection to the WebSocket API: /ws-api/v3 and /ws-fapi/v1. A request is answered by its REST endpoint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from aiohttp import web

from market.paper.engine.types import Market
from market.paper.streams.api_methods import target_of
from market.paper.streams.api_requests import ApiRequest, Unreadable, answer, request_of, rest_query
from market.paper.streams.connection import API, Connection
from market.paper.streams.frames import text_frame
from market.paper.web.call import Call, DropConnection, Endpoint, Reply
from market.paper.web.errors import ApiError
from market.paper.web.params import Params, parse_params
from market.paper.web.security import authenticate

if TYPE_CHECKING:
    from market.paper.exchange import Exchange

logger = logging.getLogger("paper")

MAX_RUNNING = 200
MAX_SUBSCRIPTIONS = 1000
CONNECT_WEIGHT = SESSION_WEIGHT = 2


class Dispatch(Protocol):
    """Pipeline.dispatch: answer a call as if it had come by HTTP."""

    def __call__(
        self, method: str, path: str, query: str, /, *, api_key: str | None = None, ip: str = ""
    ) -> Awaitable[Reply]: ...


@dataclass(eq=False, slots=True)
class AccountListener:
    """A spot subscription; ``number`` is its subscriptionId."""

    connection: Connection
    account_id: int
    number: int
    market: Market = "spot"
    key: str = ""

    def hear(self, kind: str, body: bytes) -> None:
        """Pass an event on."""
        self.connection.send(text_frame(b'{"subscriptionId":%d,"event":' % self.number + body + b"}"))


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
        self._connected_ms = exchange.now_ms()
        self._listeners: dict[int, AccountListener] = {}
        self._subscribed = 0
        self._running: set[asyncio.Task[None]] = set()
        self._venue.weights.add(ip, CONNECT_WEIGHT, self._connected_ms)
        self._session: dict[str, Callable[[ApiRequest], Any]] = {
            "session.status": self._status,
            "session.logout": self._status,
            "session.logon": _refuse_logon,
            "session.subscriptions": lambda _: [{"subscriptionId": number} for number in self._listeners],
            "userDataStream.subscribe": _refuse_subscription,
            "userDataStream.subscribe.signature": self._subscribe,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

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
        for listener in self._listeners.values():
            self._exchange.hub.deafen(listener)
        self._listeners.clear()

    async def _reply(self, text: str) -> None:
        try:
            request = request_of(text)
        except Unreadable as error:
            self.send(text_frame(answer(error.request_id, 400, _error_body(error.error), None)))
            return
        try:
            reply = await self._answer(request)
        except ApiError as error:
            reply = Reply(_error_body(error), error.status, error.headers)
        except DropConnection:
            self.abort()
            return
        except Exception:
            logger.exception("%s failed", request.method)
            unknown = ApiError(-1000, "An unknown error occurred while processing the request.", 500)
            reply = Reply(_error_body(unknown), unknown.status)
        shown = self._rate_limits if request.rate_limits is None else request.rate_limits
        body = self._with_retry(reply) if "Retry-After" in reply.headers else reply.body
        limits = self._limits(reply) if shown else None
        self.send(text_frame(answer(request.request_id, reply.status, body, limits)))
        if request.method == "userDataStream.unsubscribe" and reply.status == 200:
            self._end_subscriptions(request)

    async def _answer(self, request: ApiRequest) -> Reply:
        """Raises ApiError, DropConnection."""
        session = self._session.get(request.method) if self._market == "spot" else None
        if session:
            now_ms = self._exchange.now_ms()
            self._venue.weights.require_room(self._ip, now_ms)
            self._venue.weights.add(self._ip, SESSION_WEIGHT, now_ms)
            return Reply(orjson.dumps(session(request)))
        target = target_of(self._market, request.method)
        if target is None:
            raise ApiError(-1020, "This operation is not supported.")
        query = rest_query(request, self._exchange.accounts_by_key)
        return await self._dispatch(*target, query, api_key=request.params.get("apiKey"), ip=self._ip)

    def _subscribe(self, request: ApiRequest) -> dict[str, int]:
        query = rest_query(request, self._exchange.accounts_by_key)
        endpoint = Endpoint("WS", request.method, lambda _: None, "spot", security="signed")
        key, now_ms = request.params.get("apiKey"), self._exchange.now_ms()
        call = Call(self._exchange, endpoint, query, b"", key, None, self._ip, now_ms)
        call.params = Params(parse_params(query, b""))
        authenticate(call)
        account_id = call.account.account_id
        if any(listener.account_id == account_id for listener in self._listeners.values()):
            raise ApiError(-2035, "User Data Stream subscription already active.")
        if len(self._listeners) >= MAX_SUBSCRIPTIONS:
            text = f"Too many subscriptions. Connection may create up to '{MAX_SUBSCRIPTIONS}' subscriptions at a time."
            raise ApiError(-1191, text)
        listener = AccountListener(self, account_id, self._subscribed)
        self._subscribed += 1
        self._listeners[listener.number] = listener
        self._exchange.hub.listen(listener)
        return {"subscriptionId": listener.number}

    def _unsubscribe(self, request: ApiRequest) -> dict[str, Any]:
        self._meant(request)
        return {}

    def _end_subscriptions(self, request: ApiRequest) -> None:
        """Stop listening, and say so as the last event."""
        event = orjson.dumps({"e": "eventStreamTerminated", "E": self._exchange.now_ms()})
        for listener in self._meant(request):
            self._exchange.hub.deafen(self._listeners.pop(listener.number))
            listener.hear("eventStreamTerminated", event)

    def _meant(self, request: ApiRequest) -> list[AccountListener]:
        """The subscription a request names; all of them when it names none. Raises -2036."""
        number = Params(request.params).integer("subscriptionId")
        if number is None:
            return list(self._listeners.values())
        if number not in self._listeners:
            raise ApiError(-2036, "User Data Stream subscription not active.")
        return [self._listeners[number]]

    def _status(self, request: ApiRequest) -> dict[str, Any]:
        return {
            "apiKey": None,
            "authorizedSince": None,
            "connectedSince": self._connected_ms,
            "returnRateLimits": self._rate_limits,
            "serverTime": self._exchange.now_ms(),
            "userDataStream": bool(self._listeners),
        }

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
        return orjson.dumps(orjson.loads(reply.body) | {"data": data})


def _error_body(error: ApiError) -> bytes:
    return orjson.dumps({"code": error.code, "msg": error.msg})


def _refuse_logon(request: ApiRequest) -> None:
    """Only Ed25519 keys may log on, and here all keys are HMAC."""
    raise ApiError(-2028, "HMAC-SHA-256 API key is not supported")


def _refuse_subscription(request: ApiRequest) -> None:
    raise ApiError(-1193, "WebSocket session not authenticated")
