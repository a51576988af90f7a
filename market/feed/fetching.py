"""Series that a feed has to fetch by REST: when they begin, after a connection was lost, when a candle does not fit."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from redis.exceptions import RedisError

from market import candles
from market.budget import Priority, spending_as
from market.exchange.errors import ExchangeError
from market.feed.connection import pause_after
from market.feed.threads import Threads
from market.types import Series

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ToFetch:
    """A series that has to be fetched, as of a moment that the exchange has told of: ours may be a little behind."""

    series: Series
    as_of: datetime
    whole: bool = False


class Fetching:
    """A queue of series, and what works it off. Whatever fails is tried again later, for as long as it is heard."""

    def __init__(self, threads: Threads, *, is_heard: Callable[[Series], bool], done: Callable[[Series], None]) -> None:
        self._threads = threads
        self._is_heard, self._done = is_heard, done
        self._queue: asyncio.Queue[ToFetch] = asyncio.Queue()
        self._failures: dict[Series, int] = {}

    def put(self, wanted: ToFetch) -> None:
        """Fetch it soon."""
        self._queue.put_nowait(wanted)

    async def work(self) -> None:
        """Fetch one series after the other until cancelled. Several may do so at once."""
        while True:
            wanted = await self._queue.get()
            series = wanted.series
            if not self._is_heard(series):
                continue  # nobody wants it any more, or it will be fetched when its connection is back
            try:
                await self._threads.do(partial(_fetch, wanted))
            except (ExchangeError, candles.StaleData, RedisError) as error:
                self._put_later(wanted, error)
                continue
            self._failures.pop(series, None)
            if self._is_heard(series):
                self._done(series)

    def _put_later(self, wanted: ToFetch, why: Exception) -> None:
        failures = self._failures[wanted.series] = self._failures.get(wanted.series, 0) + 1
        pause = pause_after(failures)
        logger.warning("candles %s: not fetched, next try in %.1f s: %s", wanted.series, pause, why)
        asyncio.get_running_loop().call_later(pause, self.put, wanted)


@spending_as(Priority.WARM_UP)
def _fetch(wanted: ToFetch) -> None:
    fetch = candles.backfill if wanted.whole else candles.refresh
    fetch(wanted.series, now=max(datetime.now(UTC), wanted.as_of))
