"""The streams of one environment and market: what they tell goes to Redis, what they can't tell is fetched."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from redis.exceptions import RedisError

from market.exchange.hosts import stream_hosts_of
from market.feed import board, heartbeat
from market.feed.appending import Closed, append_all
from market.feed.board import Board
from market.feed.connection import Connection
from market.feed.fetching import Fetching, ToFetch
from market.feed.messages import CandleNews, QuoteNews
from market.feed.streams import BEST, MOST_STREAMS, ROUTES, Route, candle_stream, streams_of, symbol_of
from market.feed.threads import Threads
from market.types import Market, Series, moment_of

logger = logging.getLogger(__name__)

FETCHING = 4  # series at a time


class MarketFeed:
    """Everything that is heard of one environment and market. Lives in one event loop."""

    def __init__(self, environment: str, market: str, *, fetchers: Threads, writer: Threads) -> None:
        self.environment, self.market = environment, market
        self.live: set[Series] = set()  # each candle of these comes by stream
        self._writer = writer
        self._board = Board(environment, market)
        self._series: dict[str, Series] = {}  # by their streams
        self._connections: dict[Route, dict[Connection, asyncio.Task[None]]] = {
            route: {} for route in ROUTES[Market(market)]
        }
        self._closed: list[Closed] = []
        self._has_closed = asyncio.Event()
        self._fetching = Fetching(fetchers, is_heard=self._is_heard, done=self.live.add)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, group: asyncio.TaskGroup) -> None:
        """Write and fetch from now on; what is a bug ends the whole group."""
        self._group = group
        for work in (self._append, self._write_board, self._beat, *[self._fetching.work] * FETCHING):
            self._tasks.append(group.create_task(work()))

    async def want(self, series: Iterable[Series]) -> None:
        """Bring these series and no others."""
        wanted = set(series)
        self._series = {candle_stream(each): each for each in wanted}
        self.live &= wanted
        self._board.keep_only({each.symbol for each in wanted})
        for route in self._connections:
            await self._share_out(route, streams_of(wanted, route))

    async def stop(self) -> None:
        """Let go of everything, and tell others that nothing is brought any more."""
        for task in (*self._tasks, *(task for tasks in self._connections.values() for task in tasks.values())):
            task.cancel()
        with suppress(RedisError):
            await self._writer.do(partial(heartbeat.end, self.environment, self.market))

    # --- connections

    async def _share_out(self, route: Route, names: set[str]) -> None:
        """Each connection keeps what is still wanted of its own; what is new goes where there is room."""
        connections = self._connections[route]
        new = names - {name for connection in connections for name in connection.wanted}
        for connection, task in list(connections.items()):
            kept = connection.wanted & names
            taken = set(sorted(new)[: MOST_STREAMS - len(kept)])
            new -= taken
            if kept | taken:
                await connection.want(kept | taken)
            else:
                task.cancel()
                del connections[connection]
        while new:
            taken = set(sorted(new)[:MOST_STREAMS])
            new -= taken
            self._connect(route, taken)

    def _connect(self, route: Route, names: set[str]) -> None:
        hosts = stream_hosts_of(self.environment)
        url = (hosts.spot if self.market == Market.SPOT else hosts.futures) + route.path
        name = f"{self.environment} {self.market} {route.path}"
        connection = Connection(name, url, self._hear, self._confirmed, self._lost, wanted=names)
        self._connections[route][connection] = self._group.create_task(connection.run())

    @property
    def _all_connections(self) -> list[Connection]:
        return [connection for connections in self._connections.values() for connection in connections]

    # --- what is heard (in the event loop, so nothing here may block)

    def _hear(self, news: CandleNews | QuoteNews) -> None:
        if isinstance(news, QuoteNews):
            self._board.hear(news.symbol, news.quote, at=datetime.now(UTC))
            return
        self._board.executed[news.symbol] = news.price
        series = self._series.get(news.stream)
        if series is not None and news.is_closed:
            self._closed.append(Closed(series, news.row))
            self._has_closed.set()

    def _confirmed(self, names: set[str]) -> None:
        for name in names & self._series.keys():
            self._fetching.put(ToFetch(self._series[name], as_of=datetime.now(UTC)))

    def _lost(self, names: set[str]) -> None:
        self.live -= {self._series[name] for name in names & self._series.keys()}
        self._board.forget({symbol_of(name) for name in names if name.endswith(BEST)})

    def _is_heard(self, series: Series) -> bool:
        name = candle_stream(series)
        return name in self._series and any(name in connection.heard for connection in self._all_connections)

    # --- on its way to Redis

    async def _append(self) -> None:
        while True:
            await self._has_closed.wait()
            self._has_closed.clear()
            closed, self._closed = self._closed, []
            try:
                misfits = await self._writer.do(partial(append_all, closed))
            except RedisError as error:
                logger.warning("feed %s %s: candles are not written: %s", self.environment, self.market, error)
                misfits = []  # the next candles will not fit
            for each, why in misfits:
                logger.info("candles %s: fetched, for %s", each.series, why)
                self.live.discard(each.series)
                closed_at = moment_of(int(each.row[0])) + each.series.duration
                self._fetching.put(ToFetch(each.series, as_of=closed_at, whole=why.whole))

    async def _write_board(self) -> None:
        while True:
            await asyncio.sleep(board.EVERY.total_seconds())
            due = self._board.due(self._moments(), now=datetime.now(UTC))
            if due:
                with suppress(RedisError):  # the heartbeat tells of it
                    await self._writer.do(partial(board.write, due))

    def _moments(self) -> dict[str, datetime]:
        """Of which moment each symbol's quote is the truth."""
        return {
            symbol_of(name): connection.said_at
            for connection in self._all_connections
            if connection.said_at is not None
            for name in connection.heard
            if name.endswith(BEST)
        }

    async def _beat(self) -> None:
        while True:
            state = {"connections": [connection.state for connection in self._all_connections]}
            tell = partial(heartbeat.beat, self.environment, self.market, live=set(self.live), state=state)
            try:
                await self._writer.do(partial(tell, now=datetime.now(UTC)))
            except RedisError as error:
                logger.warning("feed %s %s: no heartbeat: %s", self.environment, self.market, error)
            await asyncio.sleep(heartbeat.EVERY.total_seconds())
