"""From a HTTP request to a HTTP answer: route, meter, authenticate, answer, turn errors into Binance's JSON."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from market.paper.engine.types import Account, Rejected
from market.paper.exchange import Exchange
from market.paper.prices.types import NoPrice
from market.paper.streams.handler import is_stream_path, serve_stream
from market.paper.web import errors
from market.paper.web.call import Call, DropConnection, Endpoint, Reply, error_reply
from market.paper.web.errors import ApiError
from market.paper.web.limits import WeightMeter
from market.paper.web.params import Params, parse_params
from market.paper.web.routes import ROUTES, unknown
from market.paper.web.security import authenticate

logger = logging.getLogger("paper")

JSON = "application/json;charset=UTF-8"

Next = Callable[[Call], Awaitable[Reply]]
# What stands between the wire and the endpoint: the faults (drop, delay, answer something else).
Middleware = Callable[[Call, Next], Awaitable[Reply]]


class Pipeline:
    """The request handler of the server; ``middlewares`` wrap every call, the first one outermost."""

    def __init__(self, exchange: Exchange, middlewares: tuple[Middleware, ...] = ()) -> None:
        self._exchange = exchange
        self._unmetered = WeightMeter(0)
        self._answer: Next = self._run
        for middleware in reversed(middlewares):
            self._answer = _wrapped(middleware, self._answer)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. Never raises."""
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket" and is_stream_path(request.rel_url.raw_path):
                return await serve_stream(request, self._exchange, self.dispatch)
            reply = await self._reply(request)
        except DropConnection:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # nobody will see it
        except ApiError as error:
            reply = error_reply(error)
        except web.HTTPException as error:
            reply = error_reply(ApiError(-1100, error.reason, error.status))
        except web.RequestPayloadError:
            reply = error_reply(ApiError(-1100, "The body is not what its headers say."))
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            reply = error_reply(errors.unknown())
        return web.Response(body=reply.body, status=reply.status, headers={"Content-Type": JSON} | reply.headers)

    async def _reply(self, request: web.BaseRequest) -> Reply:
        # The body must be read in any case: a connection that is kept alive would see it as the next request.
        body = await request.read() if request.can_read_body else b""
        return await self.dispatch(
            request.method,
            request.rel_url.raw_path,
            _raw_query(request.raw_path),
            body,
            api_key=request.headers.get("X-MBX-APIKEY"),
            admin_token=request.headers.get("X-Paper-Token"),
            ip=request.remote or "",
            time_unit=request.headers.get("X-MBX-TIME-UNIT"),
        )

    async def dispatch(
        self,
        method: str,
        path: str,
        query: str,
        body: bytes = b"",
        *,
        api_key: str | None = None,
        admin_token: str | None = None,
        ip: str = "",
        signed_by: Account | None = None,
        time_unit: str | None = None,
        endpoint: Endpoint | None = None,
    ) -> Reply:
        """Answer a call however it came here. ``signed_by``: the caller has checked the signature in another way.
        ``endpoint``: one that is not in the table, for it belongs to a connection.

        Raises DropConnection when a fault wants the connection closed.
        """
        exchange, endpoint = self._exchange, endpoint or ROUTES.get((method, path)) or unknown(path)
        exchange.requests[f"{endpoint.method} {endpoint.path}"] += 1
        call = Call(exchange, endpoint, query, body, api_key, admin_token, ip, exchange.now_ms(), signed_by=signed_by)
        call.time_unit = time_unit
        return await self._answer(call)

    async def _run(self, call: Call) -> Reply:
        endpoint, meter = call.endpoint, self._meter_of(call.endpoint)
        weight = 1
        try:
            meter.require_room(call.ip, call.now_ms)
            if endpoint.security != "admin":
                call.params = Params(parse_params(call.query, call.body))
            weight = endpoint.weight_of(call.params)
            authenticate(call)
            if endpoint.reads_past:
                await self._exchange.flush()
            reply = self._act(call)
            weight = 0 if endpoint.free_when_ok and reply.status == 200 else weight
        except ApiError as error:
            reply = error_reply(error)
        except Rejected as error:
            reply = error_reply(ApiError(error.code, error.msg))
        except NoPrice:
            reply = error_reply(errors.no_price())
        if endpoint.security != "none":
            # What has been looked at or changed is on disk before anybody hears of it, a refusal's reason included.
            await self._exchange.flush()
        self._exchange.answers[reply.status] += 1
        used = str(meter.add(call.ip, weight, call.now_ms))
        reply.headers.update({"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used})
        return reply

    def _act(self, call: Call) -> Reply:
        """Let the endpoint do what it does. If it breaks on the way, nothing of it may reach the disk: the end."""
        exchange = self._exchange
        exchange.journal.touched = False
        try:
            if call.endpoint.security != "none":
                exchange.catch_up(call.now_ms)
            return _answered(call)
        except (ApiError, Rejected, NoPrice, DropConnection):
            raise
        except Exception as error:
            if exchange.journal.touched:
                exchange.committer.fail(error)
            raise

    def _meter_of(self, endpoint: Endpoint) -> WeightMeter:
        return self._exchange.venues[endpoint.market].weights if endpoint.market else self._unmetered


def _answered(call: Call) -> Reply:
    result = call.handler(call)
    if isinstance(result, Reply):
        return result
    body = result if isinstance(result, bytes) else orjson.dumps(result)
    return Reply(body, 200, call.headers)


def _raw_query(path: str) -> str:
    """The query exactly as sent: the signature is over these bytes."""
    return path.partition("#")[0].partition("?")[2]


def _wrapped(middleware: Middleware, inner: Next) -> Next:
    async def answer(call: Call) -> Reply:
        return await middleware(call, inner)

    return answer
