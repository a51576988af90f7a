"""The middle of all streams: renders what somebody listens to, once, and hands it to every listener."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import orjson

from market.paper.engine.journal import News
from market.paper.engine.types import Market
from market.paper.prices.path import STEP_MS
from market.paper.streams.attempts import MOST_ATTEMPTS, Attempts
from market.paper.streams.audience import Audience, Listener
from market.paper.streams.connection import Connection
from market.paper.streams.frames import combined, text_frame
from market.paper.streams.futures_messages import FuturesMessages, form_of
from market.paper.streams.listen_keys import VALID_MS, ListenKeys
from market.paper.streams.names import Stream, stream_of
from market.paper.streams.sources import Channel, FuturesSource, Message, Payload, Source, SpotSource
from market.paper.streams.user_futures import futures_events
from market.paper.streams.user_spot import spot_event

if TYPE_CHECKING:
    from market.paper.exchange import Exchange
    from market.paper.streams.market_connection import MarketConnection

# A message may be JSON already (or what should have been: faults).
Body = Payload | bytes
# What becomes of a message about to leave: account (None: a market stream), its kind, the message -> what leaves
# instead, each after so many seconds. Several: duplicates. None: it is lost.
Filter = Callable[[int | None, str, Payload], list[tuple[float, Body]]]

# Orders wait no longer than this for streams.
TURN_SECONDS = 0.002
GOODBYE_SECONDS = 1.0


class Hub:
    """Connections, what they listen to, and what they hear."""

    def __init__(self, exchange: Exchange) -> None:
        self.filter: Filter | None = None
        self.connections: set[Connection] = set()
        self.attempts = Attempts(MOST_ATTEMPTS if exchange.spot.weights.limit else 0)
        # Clients keep their keys alive by their own clock, however fast the exchange's runs.
        valid_ms = VALID_MS * exchange.clock.speed
        self.listen_keys = ListenKeys(exchange.ledger.settings(), exchange.journal, valid_ms)
        self._clock = exchange.clock
        self._journal = exchange.journal
        self._forms = {entry["symbol"]: form_of(entry) for entry in exchange.futures.info["symbols"]}
        self._sources: dict[Market, Source] = {
            "spot": SpotSource(exchange.spot.feed),
            "futures": FuturesSource(exchange.futures.feed, FuturesMessages(self._forms)),
        }
        self._audiences: dict[tuple[Market, str], Audience] = {}
        self._listeners: dict[int, list[Listener]] = {}
        self._late: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Speak at every step, for ever."""
        while True:
            await self.speak(self._clock.now_ms())
            beat = STEP_MS * self._clock.speed
            await asyncio.sleep(self._clock.seconds_until((self._clock.now_ms() // beat + 1) * beat))

    async def speak(self, now_ms: int) -> None:
        """Say what the streams that are due have to say."""
        self._end_keys(now_ms)
        turn = _Turn()
        for audience in list(self._audiences.values()):
            channel = audience.channel
            if channel.is_due(now_ms):
                payloads = self._sources[channel.stream.market].says(channel, now_ms)
                channel.spoken_ms = now_ms
                for payload in payloads:
                    await self._publish(audience, payload, turn)

    def tell(self, news: Iterable[News]) -> None:
        """Tell the accounts' listeners what has happened to them. To be called when it is on disk."""
        now_ms = self._clock.now_ms()
        for each in news:
            if each.account_id in self._listeners:
                for kind, event in self._events(each, now_ms):
                    self._announce(each.account_id, each.market, kind, event)

    async def close(self) -> None:
        """Say goodbye to everybody."""
        now_ms = self._clock.now_ms()
        for connection in self.connections:
            if farewell := connection.farewell(now_ms):
                connection.send(farewell)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await asyncio.gather(*(connection.close() for connection in self.connections))

    def join(self, connection: MarketConnection, name: str) -> None:
        """Let a connection hear a stream, if there is such a stream and its address carries it."""
        audience = self._audiences.get((connection.market, name))
        stream = audience.channel.stream if audience else self._stream(connection.market, name)
        if stream is None or connection.route not in (None, stream.route):
            return
        if audience is None:
            now_ms = self._clock.now_ms()
            audience = self._audiences[connection.market, name] = Audience(Channel(stream, now_ms, now_ms))
        audience.members[connection] = None

    def leave(self, connection: MarketConnection, name: str) -> None:
        """Let a connection hear a stream no more; a stream nobody hears is not rendered."""
        audience = self._audiences.get((connection.market, name))
        if audience is not None:
            audience.members.pop(connection, None)
            if not audience.members:
                del self._audiences[connection.market, name]

    def listen(self, listener: Listener) -> None:
        """Let somebody hear an account's events."""
        self._listeners.setdefault(listener.account_id, []).append(listener)
        self._journal.watched.add(listener.account_id)

    def deafen(self, listener: Listener) -> None:
        """The opposite; no matter whether it listens."""
        listeners = self._listeners.get(listener.account_id, [])
        if listener in listeners:
            listeners.remove(listener)
        if not listeners:
            self._listeners.pop(listener.account_id, None)
            self._journal.watched.discard(listener.account_id)

    def _events(self, news: News, now_ms: int) -> list[tuple[str, Message]]:
        if news.market == "spot":
            return [(news.kind, spot_event(news, now_ms))]
        return futures_events(news, now_ms, self._forms)

    def _stream(self, market: Market, name: str) -> Stream | None:
        source = self._sources[market]
        stream = stream_of(market, name, source.feed.symbols)
        return stream if stream and stream.interval in ("", *source.feed.intervals) else None

    async def _publish(self, audience: Audience, payload: Payload, turn: _Turn) -> None:
        if self.filter is None:
            await _spread(audience, payload, turn)
            return
        for delay, changed in self.filter(None, audience.channel.stream.kind, payload):
            if delay:
                self._later(delay, audience, changed)
            else:
                await _spread(audience, changed, turn)

    def _later(self, delay: float, audience: Audience, body: Body) -> None:
        async def spread() -> None:
            await asyncio.sleep(delay)
            await _spread(audience, body, _Turn())

        task = asyncio.get_running_loop().create_task(spread())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _announce(self, account_id: int, market: str, kind: str, event: Payload, key: str = "") -> None:
        if self.filter is None:
            self._pass_on(account_id, market, kind, event, key)
            return
        for delay, changed in self.filter(account_id, kind, event):
            if delay:
                loop = asyncio.get_running_loop()
                loop.call_later(delay, self._pass_on, account_id, market, kind, changed, key)
            else:
                self._pass_on(account_id, market, kind, changed, key)

    def _pass_on(self, account_id: int, market: str, kind: str, event: Body, key: str) -> None:
        body = _bytes(event)
        for listener in list(self._listeners.get(account_id, ())):
            if listener.market == market and key in ("", listener.key):
                listener.hear(kind, body)

    def _end_keys(self, now_ms: int) -> None:
        """Tell of listen keys that were closed or ran out; those who listened by them hear nothing any more."""
        for account_id, key in self.listen_keys.take_ended(now_ms):
            event = {"e": "listenKeyExpired", "E": now_ms, "listenKey": key}
            self._announce(account_id, "futures", "listenKeyExpired", event, key)
            for listener in list(self._listeners.get(account_id, ())):
                if listener.key == key:
                    self.deafen(listener)


class _Turn:
    """Streams have the event loop for a short turn at a time, so that orders need not wait for all of them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + TURN_SECONDS

    async def breathe(self) -> None:
        """Let others run when the turn is over."""
        if self._loop.time() >= self._ends_at:
            await asyncio.sleep(0)
            self._ends_at = self._loop.time() + TURN_SECONDS


async def _spread(audience: Audience, payload: Body, turn: _Turn) -> None:
    """Send a message to all members. It is written twice at most: with and without the stream's name."""
    body, name = _bytes(payload), audience.channel.stream.name
    frames: dict[bool, bytes] = {}
    for connection in list(audience.members):
        frame = frames.get(connection.combined)
        if frame is None:
            frame = frames[connection.combined] = text_frame(combined(name, body) if connection.combined else body)
        connection.send(frame)
        await turn.breathe()


def _bytes(body: Body) -> bytes:
    return body if isinstance(body, bytes) else orjson.dumps(body)
