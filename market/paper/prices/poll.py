"""Ask a Binance-compatible exchange for prices, candles, trades and fundings all the time, and fill a FollowFeed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from market.paper.engine.amounts import units
from market.paper.engine.types import Market
from market.paper.prices.feed import DEFAULT_BOOK
from market.paper.prices.follow import STALE_MS, FollowFeed
from market.paper.prices.quotes import Book
from market.paper.prices.upstream import Upstream, UpstreamFailed

logger = logging.getLogger("paper")

FOLLOWED: dict[Market, str] = {"spot": "https://api.binance.com", "futures": "https://fapi.binance.com"}

# With four symbols all of this weighs about 700 a minute on spot (of 6000) and 1100 on futures (of 2400).
QUOTE_SECONDS = 1.0
MARK_SECONDS = 3.0
TRADE_SECONDS = 15.0
FUNDING_SECONDS = 600.0
AFTER_CLOSE_SECONDS = 1.5
FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 15.0
TRIES_AT_START = 4
AT_ONCE = 4
ROWS, FRESH_ROWS = 1000, 499

Params = dict[str, str | int]

# What an answer that makes no sense raises while it is read.
NONSENSE = (KeyError, IndexError, TypeError, ValueError, AttributeError)


class Poller:
    """Keeps one feed fresh. ``now_ms`` is the exchange's clock, at real speed."""

    def __init__(self, feed: FollowFeed, upstream: Upstream, now_ms: Callable[[], int]) -> None:
        self.feed = feed
        self._upstream = upstream
        self._now_ms = now_ms

    async def load(self) -> None:
        """Fetch what is needed before the first answer. Raises UpstreamFailed and what nonsense raises."""
        await self._see_candles(TRIES_AT_START)
        if self.feed.market == "futures":
            await self._see_marks(TRIES_AT_START)
            await self._see_fundings(TRIES_AT_START)
        await self._see_quotes(TRIES_AT_START)

    async def run(self) -> None:
        """Keep everything fresh until cancelled; what fails is asked again later, each time a little later."""
        jobs = [
            self._for_ever(self._see_quotes, lambda: QUOTE_SECONDS),
            self._for_ever(self._see_candles, self._until_candles_close),
            self._for_ever(self._see_trades, lambda: TRADE_SECONDS),
        ]
        if self.feed.market == "futures":
            jobs.append(self._for_ever(self._see_marks, lambda: MARK_SECONDS))
            jobs.append(self._for_ever(self._see_fundings, lambda: FUNDING_SECONDS))
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._upstream.close()

    async def _for_ever(self, job: Callable[[int], Awaitable[None]], pause: Callable[[], float]) -> None:
        failures = 0
        wait = pause()
        while True:
            await asyncio.sleep(wait)
            try:
                await job(1)
            except (UpstreamFailed, *NONSENSE) as error:
                if not failures:
                    logger.warning("followed exchange: %r", error)
                told = error.wait_seconds if isinstance(error, UpstreamFailed) else 0.0
                wait = max(told, min(LONGEST_BACKOFF, FIRST_BACKOFF * 2**failures))
                failures += 1
            else:
                if failures:
                    logger.info("followed exchange answers again, after %d failures", failures)
                failures, wait = 0, pause()

    def _until_candles_close(self) -> float:
        """Seconds until a little after the next minute: then the followed exchange has closed its candles."""
        return 60 - self._now_ms() / 1000 % 60 + AFTER_CLOSE_SECONDS

    async def _see_quotes(self, tries: int) -> None:
        asked = _only(self.feed.symbols) if self.feed.market == "spot" else {}
        prices, books = await asyncio.gather(
            self._upstream.get("/ticker/price", asked, tries=tries),
            self._upstream.get("/ticker/bookTicker", asked, tries=tries),
        )
        now_ms = self._now_ms()
        price_of = {row["symbol"]: row for row in prices}
        book_of = {row["symbol"]: row for row in books}
        failed: Exception | None = None
        for symbol in self.feed.symbols:
            try:
                self.feed.see_price(symbol, now_ms, price_of[symbol], book_of[symbol])
            except NONSENSE as error:
                failed = error  # the others have their prices all the same
        if failed:
            raise failed

    async def _see_candles(self, tries: int) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._fetch_candles(symbol, gate, tries) for symbol in self.feed.symbols))

    async def _fetch_candles(self, symbol: str, gate: asyncio.Semaphore, tries: int) -> None:
        """Fetch the candles that were not final when they were last fetched, and all after them."""
        candles = self.feed.candles[symbol]
        for interval in self.feed.intervals:
            asked: Params = {"symbol": symbol, "interval": interval, "limit": ROWS}
            if fetched_ms := candles.fetched_ms[interval]:
                asked |= {"startTime": fetched_ms, "limit": FRESH_ROWS}
            async with gate:
                rows = await self._upstream.get("/klines", asked, tries=tries)
            candles.put(interval, rows)

    async def _see_trades(self, tries: int) -> None:
        for symbol, trades in self.feed.public_trades.items():
            asked: Params = {"symbol": symbol, "limit": ROWS}
            if trades.next_id is not None:
                asked["fromId"] = trades.next_id
            trades.put(await self._upstream.get("/aggTrades", asked, tries=tries))

    async def _see_marks(self, tries: int) -> None:
        rows = await self._upstream.get("/premiumIndex", {}, tries=tries)
        now_ms = self._now_ms()
        for row in rows:
            self.feed.see_mark(row["symbol"], now_ms, row)

    async def _see_fundings(self, tries: int) -> None:
        for symbol, fundings in self.feed.fundings.items():
            for row in await self._upstream.get("/fundingRate", {"symbol": symbol, "limit": ROWS}, tries=tries):
                # Those of the first years have no mark price.
                mark = units(row.get("markPrice") or "0")
                fundings.put(int(row["fundingTime"]), units(row["fundingRate"]), mark)


async def follow(
    base_url: str,
    market: Market,
    symbols: list[str],
    now_ms: Callable[[], int],
    *,
    book: Book = DEFAULT_BOOK,
    stale_ms: int = STALE_MS,
) -> Poller:
    """Begin to follow a market of an exchange: its rules, candles and prices are there; ``run`` must follow.

    Raises UpstreamFailed when it gives no usable answer or lacks a symbol.
    """
    upstream = Upstream(base_url, market)
    try:
        asked = _only(symbols) if market == "spot" else {}
        info = await upstream.get("/exchangeInfo", asked, tries=TRIES_AT_START)
        entries = {entry["symbol"]: entry for entry in info["symbols"]}
        info["symbols"] = [entries[symbol] for symbol in symbols]
        poller = Poller(FollowFeed(market, info, book=book, stale_ms=stale_ms), upstream, now_ms)
        await poller.load()
    except NONSENSE as error:
        await upstream.close()
        raise UpstreamFailed(f"{upstream.url} answers what cannot be used: {error!r}") from error
    except BaseException:
        await upstream.close()
        raise
    return poller


def _only(symbols: list[str]) -> Params:
    """The parameter that asks spot about these symbols; futures always tell about all."""
    return {"symbols": json.dumps(symbols, separators=(",", ":"))}
