"""Faults of answers: garbage, and orders that cannot be seen yet."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import orjson

from market.paper.faults.calls import LONGEST_SECONDS, MS_PER_SECOND
from market.paper.faults.kinds import CallFault, HandlerFault, Next
from market.paper.faults.params import number, text, whole
from market.paper.faults.replies import page
from market.paper.web import errors
from market.paper.web.call import Call, Handler, Reply, error_reply

# Endpoints that show orders or fills, spot and futures.
SHOWING = (
    *("order", "openOrder", "openOrders", "allOrders", "myTrades", "userTrades"),
    *("algoOrder", "openAlgoOrders", "allAlgoOrders", "orderList", "openOrderList", "allOrderList"),
)
BORN = ("time", "createTime", "transactionTime")
# Public, and not about the market.
TIMELESS = ("time", "ping", "exchangeInfo")
# Moments above are of clients that want microseconds.
MICROSECONDS = 10**14
DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")


@dataclass(frozen=True)
class LateVisibility(CallFault):
    """Orders and fills younger than ``delay_seconds`` are not shown: -2013, and left out of lists. Cancelling works."""

    delay_seconds: float = number(0, LONGEST_SECONDS)

    def concerns(self, call: Call) -> bool:
        """Queries of orders and fills."""
        return call.endpoint.method == "GET" and call.endpoint.path.rpartition("/")[2] in SHOWING

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        reply = await proceed(call)
        found, before_ms = _answered(reply), call.now_ms - self.delay_seconds * MS_PER_SECOND
        if found is None:
            return reply
        if isinstance(found, list):
            seen = [thing for thing in found if _born_ms(thing) <= before_ms]
            return Reply(orjson.dumps(seen), headers=reply.headers)
        if _born_ms(found) > before_ms:
            error = errors.unknown_order()
            error.headers = reply.headers
            return error_reply(error)
        return reply


@dataclass(frozen=True)
class Nan(CallFault):
    """Do what was asked, but answer with "NaN" (or another value) for every decimal, or only those of one ``field``."""

    value: str = text("NaN")
    field: str = text("")

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        reply = await proceed(call)
        found = _answered(reply)
        return reply if found is None else Reply(orjson.dumps(self._spoilt(found, "")), headers=reply.headers)

    def _spoilt(self, thing: Any, name: str) -> Any:
        if isinstance(thing, dict):
            return {inner: self._spoilt(value, inner) for inner, value in thing.items()}
        if isinstance(thing, list):
            return [self._spoilt(value, name) for value in thing]
        if isinstance(thing, str) and DECIMAL.fullmatch(thing) and self.field in ("", name):
            return self.value
        return thing


@dataclass(frozen=True)
class Truncated(CallFault):
    """Do what was asked, but send only the beginning of the answer, as if it were all."""

    keep_percent: float = number(0, 99, 50)

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        reply = await proceed(call)
        kept = int(len(reply.body) * self.keep_percent / 100)
        return Reply(reply.body[:kept], reply.status, reply.headers)


@dataclass(frozen=True)
class HtmlAfter(CallFault):
    """Do what was asked, write it to disk, then answer with a page of HTML."""

    status: int = whole(200, 599, 200)

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        await proceed(call)
        return page(self.status, "Binance", "We'll be right back.")


@dataclass(frozen=True)
class WafBlock(CallFault):
    """403 with a page of HTML, from the firewall before the exchange; nothing was done."""

    ends_call = True

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        return page(403, "403 Forbidden", "CloudFront")


@dataclass(frozen=True)
class FrozenData(HandlerFault):
    """Market data stands still, candles and books alike, as when the fault began; trading goes on."""

    at_ms: int = 0

    def begun(self, now_ms: int) -> FrozenData:
        """The fault as it is when it begins."""
        return replace(self, at_ms=now_ms)

    def concerns(self, call: Call) -> bool:
        """Market data, not the time."""
        endpoint = call.endpoint
        is_public = endpoint.method == "GET" and endpoint.security in ("none", "key")
        return is_public and endpoint.path.rpartition("/")[2] not in TIMELESS

    def handle(self, call: Call, *, handler: Handler) -> Any:
        """Do what the handler does, at another moment."""
        now_ms = call.now_ms
        call.now_ms = min(now_ms, self.at_ms)
        try:
            return handler(call)
        finally:
            call.now_ms = now_ms


def _answered(reply: Reply) -> Any:
    """The JSON of a good answer; None of an error, and of what another fault has left of an answer."""
    if reply.status != 200:
        return None
    try:
        return orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return None


def _born_ms(thing: dict[str, Any]) -> int:
    moment: int = next((thing[name] for name in BORN if name in thing), 0)
    return moment // 1000 if moment > MICROSECONDS else moment
