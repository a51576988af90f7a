"""A hub without a network: a clock that is set, the recorded prices, connections that remember what they hear."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from market.paper.engine.journal import Journal
from market.paper.streams.audience import KeyListener
from market.paper.streams.hub import Hub
from market.paper.tests.prices.feeds import FEED, FUTURES, FUTURES_FEED, at


class SetClock:
    """Shows what it is told to."""

    def __init__(self, speed: int = 1) -> None:
        self.ms = at(0)
        self.speed = speed

    def now_ms(self) -> int:
        return self.ms


class Ear:
    """A connection: what it hears, decoded."""

    def __init__(self, *, market: str = "spot", route: str | None = None, combined: bool = False) -> None:
        self.market, self.route, self.combined = market, route, combined
        self.frames: list[bytes] = []

    @property
    def heard(self) -> list[Any]:
        return [payload_of(frame) for frame in self.frames]

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)


class Stage:
    """A hub and the clock it looks at."""

    def __init__(self, spot_feed: Any = FEED, speed: int = 1) -> None:
        self.clock, self.journal = SetClock(speed), Journal()
        exchange = SimpleNamespace(
            clock=self.clock,
            journal=self.journal,
            ledger=SimpleNamespace(settings=dict),
            spot=SimpleNamespace(feed=spot_feed, weights=SimpleNamespace(limit=0)),
            futures=SimpleNamespace(feed=FUTURES_FEED, info=FUTURES.exchange_info),
        )
        self.hub = Hub(exchange)  # type: ignore[arg-type]

    def join(self, name: str, **form: Any) -> Ear:
        """A new connection that listens to one stream."""
        ear = Ear(**form)
        self.hub.join(ear, name)  # type: ignore[arg-type]
        return ear

    def listen(self, account_id: int, *, event: str = "") -> tuple[Ear, KeyListener]:
        """A new connection that listens to an account's futures events."""
        ear, key = Ear(market="futures"), self.hub.listen_keys.create(account_id, self.clock.ms)
        listener = KeyListener(ear, account_id, key, key, event)  # type: ignore[arg-type]
        self.hub.listen(listener)
        return ear, listener

    def walk(self, until_ms: int, stride_ms: int = 250) -> None:
        """Let time go by, in strides."""

        async def steps() -> None:
            while self.clock.ms < until_ms:
                self.clock.ms += stride_ms
                await self.hub.speak(self.clock.ms)

        asyncio.run(steps())


def payload_of(frame: bytes) -> Any:
    """What a text frame says; it is read as RFC 6455 has it."""
    assert frame[0] == 0x81
    size, start = frame[1], 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4]), 4
    elif size == 127:
        size, start = int.from_bytes(frame[2:10]), 10
    assert len(frame) == start + size
    return json.loads(frame[start:])
