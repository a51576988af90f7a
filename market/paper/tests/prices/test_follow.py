import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from aiohttp import web

from market.paper.engine.amounts import SCALE, units
from market.paper.prices import poll, upstream
from market.paper.prices.live import LiveTrades
from market.paper.prices.path import STEP_MS
from market.paper.prices.poll import Poller, follow
from market.paper.prices.recording import MS_PER_MINUTE
from market.paper.prices.types import NoPrice, NoZone
from market.paper.prices.upstream import UpstreamFailed
from market.paper.tests.prices.feeds import FEED, FUTURES_FEED
from market.paper.tests.prices.stub import Stub, real_ms
from market.paper.tests.server import PaperServer

DEADLINE_SECONDS = 20
STALE_MS = 500


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The same machinery, in less time."""
    for name in ("QUOTE_SECONDS", "MARK_SECONDS", "TRADE_SECONDS", "FUNDING_SECONDS", "FIRST_BACKOFF"):
        monkeypatch.setattr(poll, name, 0.05)
    monkeypatch.setattr(poll, "LONGEST_BACKOFF", 0.2)
    monkeypatch.setattr(poll, "TRIES_AT_START", 2)
    monkeypatch.setattr(upstream, "FIRST_WAIT", 0.01)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(poller: Poller):
    task = asyncio.create_task(poller.run())
    try:
        yield poller.feed
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await poller.close()


def quote_of(feed, symbol="BTCUSDT"):
    """The quote now; None when there is none, which may be for a moment on a busy machine."""
    try:
        return feed.quote(symbol, real_ms())
    except NoPrice:
        return None


def has_price(feed) -> bool:
    return quote_of(feed) is not None


async def fresh(feed, symbol="BTCUSDT", **wanted):
    """The first quote from now on that has these fields."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (quote := quote_of(feed, symbol)) is None or any(getattr(quote, k) != v for k, v in wanted.items()):
            await asyncio.sleep(0.01)
    return quote


def with_stub(test: Callable[[Stub], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Stub() as stub:
            await test(stub)

    asyncio.run(run())


@pytest.mark.parametrize(("market", "prefix"), [("spot", "/api/v3"), ("futures", "/fapi/v1")])
def test_paper_exchange_follows_another_one(tmp_path, market, prefix, early_in):
    async def scenario(paper: PaperServer) -> None:
        poller = await follow(paper.url, market, ["BTCUSDT", "XRPUSDT"], real_ms, stale_ms=STALE_MS)
        async with running(poller) as feed:
            quote = await fresh(feed, last=50_000 * SCALE)
            theirs = paper.get(f"{prefix}/ticker/bookTicker", symbol="BTCUSDT")
            assert (quote.bid, quote.ask) == (units(theirs["bidPrice"]), units(theirs["askPrice"]))
            for interval in ("1m", "1h", "1w"):
                asked = {"symbol": "XRPUSDT", "interval": interval, "limit": 50}
                ours = json.loads(feed.klines("XRPUSDT", interval, real_ms(), limit=50, start_ms=None, end_ms=None))
                assert ours[1:-1] == paper.get(f"{prefix}/klines", **asked)[-len(ours) :][1:-1]

            paper.set_price("BTCUSDT", "51000", market)
            await fresh(feed, last=51_000 * SCALE)
            paper.kill()
            await until(lambda: not has_price(feed))

    with PaperServer(tmp_path / "ledger.sqlite3") as paper:
        paper.set_price("BTCUSDT", "50000", market)
        early_in(60)  # the follower hears of a new candle a moment later
        asyncio.run(scenario(paper))


def test_spot_quotes_are_those_of_the_followed_exchange():
    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "spot", ["ETHUSDT"], real_ms)) as feed:
            before = real_ms()
            await until(lambda: len(feed.quotes_between("ETHUSDT", before, real_ms())) >= 4)
            told = feed.quotes_between("ETHUSDT", before, real_ms())

        assert feed.symbols == ["ETHUSDT"]
        for moment, quote in told:
            seen = {FEED.quote("ETHUSDT", moment - back * STEP_MS).last for back in range(1, 40)}  # a busy machine
            assert quote.last in seen
            assert quote.bid < quote.last < quote.ask
            assert (quote.mark, quote.index, quote.step) == (quote.last, quote.last, moment // STEP_MS)

    with_stub(test)


def test_futures_have_mark_price_and_fundings_of_the_followed_exchange():
    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "futures", ["SOLUSDT", "BTCUSDT"], real_ms)) as feed:
            now = real_ms()
            quote = feed.quote("SOLUSDT", now)
            marks = {FUTURES_FEED.quote("SOLUSDT", now - back * STEP_MS).mark for back in range(40)}

            assert quote.mark in marks
            assert feed.funding_rate("SOLUSDT", now) == FUTURES_FEED.funding_rate("SOLUSDT", now)
            ours, theirs = (one.funding_history("SOLUSDT", now, limit=5) for one in (feed, FUTURES_FEED))
            assert ours == theirs
            assert feed.bnb_price(now) is None
            assert all("symbols=" not in path for path in stub.asked)

    with_stub(test)


def test_candles_of_every_interval_are_theirs_and_the_open_one_follows_the_price(early_in):
    early_in(60)

    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "futures", ["XRPUSDT"], real_ms)) as feed:
            now = real_ms()
            bounds = {"limit": 30, "start_ms": None, "end_ms": None}
            for interval in feed.intervals:
                ours = json.loads(feed.klines("XRPUSDT", interval, now, **bounds))
                theirs = json.loads(FUTURES_FEED.klines("XRPUSDT", interval, now, **bounds))
                assert ours[2:-1] == [row for row in theirs if ours[2][0] <= row[0] < ours[-1][0]]
                assert len(ours) == 30
            candle = feed.candle_now("XRPUSDT", "1d", real_ms())
            assert candle.bar.low <= feed.price("XRPUSDT", real_ms()) <= candle.bar.high
            day = feed.day("XRPUSDT", now)
            assert abs(day.volume / FUTURES_FEED.day("XRPUSDT", now).volume - 1) < 0.02

    with_stub(test)


def test_candles_of_another_time_zone_are_had_only_where_they_are_those_of_utc():
    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "spot", ["XRPUSDT"], real_ms)) as feed:
            bounds = {"limit": 30, "start_ms": None, "end_ms": None, "zone_ms": 8 * 60 * MS_PER_MINUTE}
            assert len(json.loads(feed.klines("XRPUSDT", "4h", real_ms(), **bounds))) == 30
            for interval in ("12h", "1d", "1w", "1M"):
                with pytest.raises(NoZone):
                    feed.klines("XRPUSDT", interval, real_ms(), **bounds)

    with_stub(test)


def test_trades_are_theirs_and_each_comes_once():
    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "spot", ["BTCUSDT"], real_ms)) as feed:
            await until(lambda: len(feed.trades("BTCUSDT", real_ms(), limit=1000)) > 0)
            first = feed.trades("BTCUSDT", real_ms(), limit=1000)
            await until(lambda: len(feed.trades("BTCUSDT", real_ms(), limit=9, from_id=first[-1].trade_id + 1)) > 1)
            trades = feed.trades("BTCUSDT", real_ms(), limit=1000)

        assert trades == FEED.trades("BTCUSDT", trades[-1].time_ms, limit=len(trades), from_id=trades[0].trade_id)
        assert feed.trades("BTCUSDT", real_ms(), limit=3) == trades[-3:]
        assert feed.trades("BTCUSDT", real_ms(), limit=3, start_ms=trades[5].time_ms) == trades[5:8]

    with_stub(test)


def test_trade_that_is_told_twice_is_one():
    rows = [{"a": number, "p": "2", "q": "3", "T": 1000 + number, "m": True} for number in (5, 6, 7)]
    trades = LiveTrades()

    trades.put(rows[:2])
    trades.put(rows)

    found = trades.found(10_000, 9, None, None, None)
    assert [trade.trade_id for trade in found] == [5, 6, 7]
    assert trades.next_id == 8


async def silent(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(DEADLINE_SECONDS)
    return web.Response()


async def broken(_: web.Request) -> web.StreamResponse:
    return web.Response(status=502, text="<html>bad gateway</html>")


async def dropped(request: web.Request) -> web.StreamResponse:
    request.transport.abort()
    return web.Response()


NONSENSE_BOOK = [{"symbol": "BTCUSDT", "bidPrice": "NaN", "askPrice": "1"}]
CROSSED_BOOK = [{"symbol": "BTCUSDT", "bidPrice": "2", "askPrice": "1"}]


@pytest.mark.parametrize(
    "spoiled",
    [silent, broken, dropped, NONSENSE_BOOK, CROSSED_BOOK, [], {"code": -1}, "x", 7],
    ids=["silent", "502", "dropped", "NaN", "crossed", "empty", "error", "text", "number"],
)
def test_there_is_no_price_while_the_followed_exchange_gives_none_and_one_again_afterwards(spoiled, monkeypatch):
    monkeypatch.setattr(upstream, "TIMEOUT", upstream.aiohttp.ClientTimeout(total=0.3))

    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "spot", ["BTCUSDT"], real_ms, stale_ms=STALE_MS)) as feed:
            await fresh(feed)
            stub.spoil["ticker/bookTicker"] = spoiled
            await until(lambda: not has_price(feed))
            silent_at = real_ms()
            with pytest.raises(NoPrice):
                feed.price("BTCUSDT", silent_at)
            assert feed.quotes_between("BTCUSDT", silent_at, real_ms() + 1000) == []
            assert len(json.loads(feed.klines("BTCUSDT", "1m", silent_at, limit=9, start_ms=None, end_ms=None))) == 9
            del stub.spoil["ticker/bookTicker"]
            await fresh(feed)

    with_stub(test)


def test_symbol_without_a_usable_price_does_not_take_the_others_along():
    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "spot", ["BTCUSDT", "ETHUSDT"], real_ms, stale_ms=STALE_MS)) as feed:
            good = {"symbol": "ETHUSDT", "bidPrice": "1999", "askPrice": "2001"}
            stub.spoil["ticker/bookTicker"] = [*NONSENSE_BOOK, good]
            await until(lambda: not has_price(feed))
            await fresh(feed, "ETHUSDT", bid=1999 * SCALE)

    with_stub(test)


def test_futures_have_no_price_without_a_fresh_mark_price():
    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "futures", ["BTCUSDT"], real_ms, stale_ms=STALE_MS)) as feed:
            stub.spoil["premiumIndex"] = broken
            await until(lambda: not has_price(feed))
            del stub.spoil["premiumIndex"]
            await fresh(feed)

    with_stub(test)


@pytest.mark.parametrize("status", [429, 418])
def test_exchange_that_wants_to_be_left_alone_is(status):
    asked: list[float] = []

    async def limited(_: web.Request) -> web.StreamResponse:
        asked.append(time.monotonic())
        return web.Response(status=status, headers={"Retry-After": "1"})

    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "spot", ["BTCUSDT"], real_ms)):
            stub.spoil["ticker/price"] = limited
            await until(lambda: len(asked) >= 2)

        assert asked[1] - asked[0] >= 1

    with_stub(test)


def test_candles_missed_while_it_was_silent_are_fetched_later():
    async def test(stub: Stub) -> None:
        poller = await follow(stub.url, "spot", ["BTCUSDT"], real_ms)
        candles = poller.feed.candles["BTCUSDT"]
        last = candles.fetched_ms["1m"]
        candles.fetched_ms["1m"] = last - 30 * 60_000
        asked = len(stub.asked)

        await poller._see_candles(1)
        await poller.close()

        assert candles.fetched_ms["1m"] >= last
        assert any(f"interval=1m&limit=499&startTime={last - 30 * 60_000}" in path for path in stub.asked[asked:])

    with_stub(test)


def test_start_fails_with_a_reason_when_the_exchange_does_not_answer():
    async def test(stub: Stub) -> None:
        stub.spoil["klines"] = broken
        with pytest.raises(UpstreamFailed, match="klines answers 502"):
            await follow(stub.url, "spot", ["BTCUSDT"], real_ms)
        stub.spoil = {"exchangeInfo": {"symbols": []}}
        with pytest.raises(UpstreamFailed, match="BTCUSDT"):
            await follow(stub.url, "spot", ["BTCUSDT"], real_ms)

    with_stub(test)


def test_override_and_book_work_as_in_a_replay():
    async def test(stub: Stub) -> None:
        async with running(await follow(stub.url, "futures", ["ETHUSDT"], real_ms)) as feed:
            feed.override("ETHUSDT", 2000 * SCALE, mark=1990 * SCALE)
            held, walked = feed.quote("ETHUSDT", real_ms()), feed.quotes_between("ETHUSDT", 0, 4 * STEP_MS)
            feed.override("ETHUSDT", None)
            feed.set_book("ETHUSDT", spread_bps=Decimal(100), level_quote=units("1000"), levels=2)
            thin = await fresh(feed, "ETHUSDT", levels=2)

        assert (held.last, held.mark) == (2000 * SCALE, 1990 * SCALE)
        assert [quote.step for _, quote in walked] == [1, 2, 3, 4]
        assert 99 * thin.last < (thin.ask - thin.bid) * 10_000 < 101 * thin.last

    with_stub(test)
