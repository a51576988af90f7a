"""The stream process: leads or stands by, keeps a feed for each market that somebody wants, and ends on SIGTERM."""

import asyncio
import logging
import signal
from collections import defaultdict
from collections.abc import Callable, Iterable

from django.db import Error as DatabaseTrouble
from django.db import close_old_connections

from market.feed.leading import RENEW_EVERY, Leadership
from market.feed.market_feed import FETCHING, MarketFeed
from market.feed.threads import Threads
from market.types import Series

logger = logging.getLogger(__name__)

Wanted = Callable[[], Iterable[Series]]
WANTED_EVERY_SECONDS = 10.0
# Whoever ends politely gives back the lead; if Redis hangs it runs out by itself.
LAST_WORDS_SECONDS = 1.0


class _LeadLost(Exception):
    """Another process leads."""


def run(wanted: Wanted) -> None:
    """Keep the series fresh that ``wanted`` names, asked anew every ten seconds, until SIGTERM or SIGINT."""
    asyncio.run(_Service(wanted).run())


class _Service:
    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._leadership = Leadership()
        # Each kind of work waits for its own kind only.
        self._asker, self._lead, self._writer = (Threads(name, 1) for name in ("wanted", "lead", "writer"))
        self._fetchers = Threads("fetch", FETCHING)
        self._feeds: dict[tuple[str, str], MarketFeed] = {}

    async def run(self) -> None:
        working = asyncio.create_task(self._work())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, working.cancel)
        try:
            await working
        except asyncio.CancelledError:
            logger.info("market stream: stopped")

    async def _work(self) -> None:
        """Stand by and lead in turns."""
        try:
            while True:
                await self._stand_by()
                logger.info("market stream: leading")
                try:
                    await self._serve()
                except _LeadLost:
                    logger.warning("market stream: another process leads now")
        finally:
            await self._say_goodbye()

    async def _stand_by(self) -> None:
        told = False
        while not await self._keeps_lead(leads=False):
            if not told:
                logger.info("market stream: standing by, another process leads")
                told = True
            await asyncio.sleep(RENEW_EVERY.total_seconds())

    async def _serve(self) -> None:
        """Lead until the lead is lost. Raise _LeadLost then."""
        self._feeds = {}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_wanted(group))
                while await self._keeps_lead(leads=True):
                    await asyncio.sleep(RENEW_EVERY.total_seconds())
                raise _LeadLost
        except* _LeadLost:
            pass
        await self._stop_feeds()
        raise _LeadLost

    async def _keeps_lead(self, *, leads: bool) -> bool:
        return await self._lead.do(lambda: self._leadership.take_or_keep(leads=leads))

    async def _keep_wanted(self, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                await self._want(await self._asker.do(self._ask), group)
            except DatabaseTrouble as error:
                logger.warning("market stream: the series stay as they are, the database does not answer: %s", error)
            await asyncio.sleep(WANTED_EVERY_SECONDS)

    def _ask(self) -> set[Series]:
        close_old_connections()
        return set(self._wanted())

    async def _want(self, wanted: set[Series], group: asyncio.TaskGroup) -> None:
        by_market: dict[tuple[str, str], set[Series]] = defaultdict(set)
        for series in wanted:
            by_market[series.exchange].add(series)
        for place in self._feeds.keys() - by_market.keys():
            await self._feeds.pop(place).stop()
        for place in by_market.keys() - self._feeds.keys():
            self._feeds[place] = MarketFeed(*place, fetchers=self._fetchers, writer=self._writer)
            self._feeds[place].start(group)
        for place, series_of_it in by_market.items():
            await self._feeds[place].want(series_of_it)

    async def _stop_feeds(self) -> None:
        await asyncio.gather(*(feed.stop() for feed in self._feeds.values()))

    async def _say_goodbye(self) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._stop_feeds()
                await self._lead.do(self._leadership.give_up)
        except TimeoutError:
            logger.warning("market stream: Redis does not answer; the lead has to run out")
