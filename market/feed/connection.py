"""One websocket to combined streams: it subscribes to what is wanted, listens, and comes back when it has ended."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import uniform
from time import monotonic
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from market.feed.messages import Answer, CandleNews, QuoteNews, Unreadable, news_of
from market.feed.streams import in_requests

logger = logging.getLogger(__name__)

OPEN_SECONDS, CLOSE_SECONDS = 10.0, 0.5
# Whoever does not answer our ping is gone; whoever answers and says nothing else for so long is no use either.
PING_SECONDS, PONG_SECONDS = 10.0, 5.0
SILENCE_SECONDS = 60.0
ANSWER_SECONDS = 10.0
# Spot allows five messages of ours a second, pongs included.
REQUEST_PAUSE_SECONDS = 0.25
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
# A connection that has lasted so long was a good one: the next failure is the first one again.
LASTING_SECONDS = 60.0
NO_LAG = timedelta()


class Refused(Exception):
    """The exchange does not let us subscribe."""


@dataclass(frozen=True)
class Request:
    """What the exchange has not answered yet."""

    method: str
    names: frozenset[str]
    sent_at: float = field(default_factory=monotonic)


@dataclass(eq=False)
class Connection:
    """A websocket over all its lives. ``name`` is for people."""

    name: str
    url: str
    hear: Callable[[CandleNews | QuoteNews], None]
    confirmed: Callable[[set[str]], None]  # the streams that we hear from now on
    lost: Callable[[set[str]], None]  # the streams that we do not hear any more
    wanted: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)
    connected_at: datetime | None = None
    lag: timedelta = NO_LAG
    _heard_at: datetime | None = None
    _socket: ClientConnection | None = None
    _asked: dict[int, Request] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: count(1))
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Connect and listen, again and again, until cancelled."""
        failures = 0
        while True:
            begun = monotonic()
            try:
                await self._live()
            except (OSError, TimeoutError, WebSocketException, Unreadable, Refused) as error:
                why = f"{type(error).__name__}: {error}"
            failures = 0 if monotonic() - begun > LASTING_SECONDS else failures + 1
            pause = pause_after(failures)
            logger.warning("stream %s: lost (%s), next try in %.1f s", self.name, why, pause)
            await asyncio.sleep(pause)

    async def want(self, names: Iterable[str]) -> None:
        """Listen to these streams and no others, now or as soon as there is a connection."""
        self.wanted = set(names)
        if self._socket is not None:
            try:
                await self._agree(self._socket)
            except (OSError, WebSocketException) as error:  # the listener notices too, and connects again
                logger.info("stream %s: not subscribed yet: %s", self.name, error)

    @property
    def said_at(self) -> datetime | None:
        """The moment, by our clock, of which this connection has told everything; None while there is none."""
        return None if self._heard_at is None or self._socket is None else self._heard_at - self.lag

    @property
    def state(self) -> dict[str, Any]:
        """How it stands, for people."""
        return {
            "name": self.name,
            "connected_since": self.connected_at and self.connected_at.isoformat(),
            "streams": len(self.heard),
            "last_message": self._heard_at and self._heard_at.isoformat(),
            "lag_ms": self.lag // timedelta(milliseconds=1),
        }

    async def _live(self) -> None:
        """One life of the connection; ends with an exception only."""
        async with connect(
            self.url,
            compression=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            max_size=2**20,
        ) as socket:
            self._socket, self.connected_at = socket, datetime.now(UTC)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._agree(socket))
                    await self._listen(socket)
            except* (OSError, TimeoutError, WebSocketException, Unreadable, Refused) as errors:
                raise _first(errors) from None
            finally:
                self._end_life()

    async def _listen(self, socket: ClientConnection) -> None:
        logger.info("stream %s: connected", self.name)
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                text = await socket.recv()
            self._heard_at = datetime.now(UTC)
            self._require_answers()
            news = news_of(text)
            if isinstance(news, Answer):
                self._take_answer(news)
            elif news is not None:
                self._note_lag(news.said_ms)
                self.hear(news)

    def _require_answers(self) -> None:
        if any(monotonic() - request.sent_at > ANSWER_SECONDS for request in self._asked.values()):
            raise Refused("a request is not answered")

    def _note_lag(self, said_ms: int | None) -> None:
        """How far what we hear lies behind; all of a connection comes in one row, so it holds for what follows, too."""
        if said_ms is not None and self._heard_at is not None:
            said_at = datetime.fromtimestamp(said_ms / 1000, UTC)
            self.lag = max(self._heard_at - said_at, NO_LAG)

    async def _agree(self, socket: ClientConnection) -> None:
        """Tell the exchange what we want to hear and what no longer."""
        async with self._lock:
            asked = self._asked.values()
            under_way = {name for request in asked if request.method == "SUBSCRIBE" for name in request.names}
            for method, names in (
                ("UNSUBSCRIBE", self.heard - self.wanted),
                ("SUBSCRIBE", self.wanted - self.heard - under_way),
            ):
                for part in in_requests(names):
                    await self._request(socket, method, part)

    async def _request(self, socket: ClientConnection, method: str, names: list[str]) -> None:
        request_id = next(self._ids)
        self._asked[request_id] = Request(method, frozenset(names))
        await socket.send(orjson.dumps({"method": method, "params": names, "id": request_id}).decode())
        await asyncio.sleep(REQUEST_PAUSE_SECONDS)

    def _take_answer(self, answer: Answer) -> None:
        request = self._asked.pop(answer.request_id, None)
        if request is None:
            return
        if answer.error:
            raise Refused(f"{request.method} of {len(request.names)} streams: {answer.error}")
        if request.method == "SUBSCRIBE":
            self.heard |= request.names
            self.confirmed(set(request.names))
        else:
            self.heard -= request.names
            self.lost(set(request.names))

    def _end_life(self) -> None:
        """Nothing of it is true any more."""
        gone, self.heard = self.heard, set()
        self._asked.clear()
        self._socket = self.connected_at = None
        self.lag = NO_LAG
        self.lost(gone)


def pause_after(failures: int) -> float:
    """Seconds to wait before the next try: longer each time, and not the same for all who wait."""
    longest = min(FIRST_PAUSE_SECONDS * 2**failures, LONGEST_PAUSE_SECONDS)
    return uniform(longest / 2, longest)  # noqa: S311


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
