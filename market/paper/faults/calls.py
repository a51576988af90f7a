"""Faults of the way between client and exchange: connections, delays, refusals, clocks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from market.paper.faults.kinds import CallFault, Next
from market.paper.faults.params import number, text, whole
from market.paper.faults.replies import LIKES, error_like
from market.paper.venue import told_weight_limit
from market.paper.web import errors
from market.paper.web.call import Call, DropConnection, Reply, error_reply

MS_PER_SECOND = 1000
LONGEST_SECONDS = 3600
DAY_MS = 86_400_000


@dataclass(frozen=True)
class DropBefore(CallFault):
    """Close the connection without an answer; nothing was done."""

    ends_call = True

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        raise DropConnection


@dataclass(frozen=True)
class DropAfter(CallFault):
    """Do what was asked, write it to disk, then close the connection without an answer."""

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        await proceed(call)
        raise DropConnection


@dataclass(frozen=True)
class ErrorBefore(CallFault):
    """Answer with an error of your choice; nothing was done. ``like`` names a ready-made one instead."""

    ends_call = True
    status: int = whole(400, 599, 503)
    code: int = whole(-99_999, 99_999, -1000)
    msg: str = text(errors.UNKNOWN)
    like: str = text("", "", *LIKES)

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        return error_like(self.like, call, self.status, self.code, self.msg)


@dataclass(frozen=True)
class ErrorAfter(CallFault):
    """Do what was asked, write it to disk, then answer with an error all the same. Parameters as of error_before."""

    status: int = whole(400, 599, 503)
    code: int = whole(-99_999, 99_999, -1000)
    msg: str = text(errors.UNKNOWN)
    like: str = text("", "", *LIKES)

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        await proceed(call)
        return error_like(self.like, call, self.status, self.code, self.msg)


@dataclass(frozen=True)
class DelayBefore(CallFault):
    """Let the request arrive later, though the client may have hung up: it is carried out if its recvWindow allows."""

    delay_seconds: float = number(0, LONGEST_SECONDS)

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        await asyncio.sleep(self.delay_seconds)
        call.now_ms = call.exchange.now_ms()
        return await proceed(call)


@dataclass(frozen=True)
class DelayAfter(CallFault):
    """Do what was asked at once and write it to disk, but answer later."""

    delay_seconds: float = number(0, LONGEST_SECONDS)

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        reply = await proceed(call)
        await asyncio.sleep(self.delay_seconds)
        return reply


@dataclass(frozen=True)
class TooManyRequests(CallFault):
    """429 with Retry-After: too much request weight (-1003) or too many orders (-1015); nothing was done."""

    ends_call = True
    retry_after_seconds: int = whole(0, 86_400, 5)
    kind: str = text("weight", "weight", "orders")

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        venue = call.exchange.venues[call.endpoint.market or "spot"]
        if self.kind == "orders":
            meter = next(iter(venue.order_meters.values()))
            return error_reply(meter.refusal(self.retry_after_seconds))
        limit = venue.weights.limit or told_weight_limit(venue.info)
        return error_reply(errors.too_much_weight(limit, wait_seconds=self.retry_after_seconds))


@dataclass(frozen=True)
class IpBanned(CallFault):
    """418 with Retry-After, as after too many 429; nothing was done."""

    ends_call = True
    retry_after_seconds: int = whole(0, 259_200, 120)

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        until_ms = call.now_ms + self.retry_after_seconds * MS_PER_SECOND
        return error_reply(errors.banned(until_ms, wait_seconds=self.retry_after_seconds))


@dataclass(frozen=True)
class KeyRevoked(CallFault):
    """401, -2015: the key is no longer good for anything."""

    ends_call = True

    def concerns(self, call: Call) -> bool:
        """Calls that need a key."""
        return call.endpoint.security in ("key", "signed")

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        return error_reply(errors.bad_key())


@dataclass(frozen=True)
class ClockSkew(CallFault):
    """The exchange's clock is wrong, for serverTime and for the check of timestamps; orders keep their true times."""

    skew_ms: int = whole(-DAY_MS, DAY_MS)

    async def answer(self, call: Call, *, proceed: Next) -> Reply:
        """Answer the call."""
        call.skew_ms += self.skew_ms
        return await proceed(call)
