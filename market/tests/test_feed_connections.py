"""Connections to streams: how many there are, and when one is given up. In process, so that waiting can be short."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from market.exchange.errors import NotConfigured
from market.exchange.hosts import StreamHosts, stream_hosts_of
from market.feed import connection as module
from market.feed import market_feed
from market.feed.connection import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Connection, pause_after
from market.feed.market_feed import MarketFeed
from market.feed.messages import Unreadable, news_of
from market.feed.streams import MOST_STREAMS, ROUTES, in_requests, streams_of
from market.feed.threads import Threads
from market.tests.streaming import MINUTE_MS, StreamingExchange, candle
from market.types import Environment, Market, Series, milliseconds

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")


@pytest.fixture
def exchange(streaming: StreamingExchange) -> StreamingExchange:
    opened = milliseconds(datetime.now(UTC)) // MINUTE_MS * MINUTE_MS
    streaming.will(candle(opened - ago * MINUTE_MS) for ago in range(5))
    return streaming


@pytest.fixture
def impatient(monkeypatch):
    """Whoever is silent for a moment is given up, and asked again at once."""
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(module, "REQUEST_PAUSE_SECONDS", 0.0)


def spot(*symbols: str) -> set[Series]:
    return {Series(Environment.PAPER, Market.SPOT, symbol, "1m") for symbol in symbols}


async def until(condition: Callable[[], object], what: str) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within 10 s: {what}")


def connected(exchange: StreamingExchange, while_connected: Callable[[Connection], Awaitable[None]]) -> None:
    """Do something while a connection lives, which hears two streams of BTC."""

    async def both() -> None:
        url = exchange.url.replace("http", "ws") + "/stream"
        names = {"btcusdt@kline_1m", "btcusdt@bookTicker"}
        connection = Connection("test", url, lambda _: None, lambda _: None, lambda _: None, wanted=names)
        living = asyncio.create_task(connection.run())
        await while_connected(connection)
        living.cancel()

    asyncio.run(both())


def feeding(work: Callable[[MarketFeed], Awaitable[None]]) -> None:
    """Do something with a feed of spot that runs."""

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            feed = MarketFeed(Environment.PAPER, Market.SPOT, fetchers=Threads("f", 2), writer=Threads("w", 1))
            feed.start(group)
            await work(feed)
            await feed.stop()

    asyncio.run(both())


def test_no_connection_has_more_streams_than_it_may_and_none_stays_without(exchange, monkeypatch):
    monkeypatch.setattr(market_feed, "MOST_STREAMS", 3)

    async def work(feed: MarketFeed) -> None:
        await feed.want(spot(*SYMBOLS))
        await until(lambda: len(feed.live) == 4, "all four are live")
        assert sorted(len(connection.heard) for connection in feed._all_connections) == [2, 3, 3]

        await feed.want(spot("ETHUSDT"))
        await until(lambda: {name for each in feed._all_connections for name in each.heard} == eth, "only one is heard")
        await until(lambda: exchange.connections == len(feed._all_connections), "what is not needed is gone")
        assert all(connection.wanted for connection in feed._all_connections)

    eth = {"ethusdt@kline_1m", "ethusdt@bookTicker"}
    feeding(work)


def test_who_answers_pings_and_says_nothing_is_left(exchange, impatient):
    async def work(connection: Connection) -> None:
        await until(lambda: exchange.lives >= 3, "it has been connected again and again")

    connected(exchange, work)


def test_who_refuses_a_subscription_is_asked_again(exchange, impatient, caplog):
    exchange.refusal = "too many streams"

    async def work(connection: Connection) -> None:
        await until(lambda: exchange.lives >= 2, "it has been refused")
        exchange.refusal = ""
        await until(lambda: len(connection.heard) == 2, "it is let in")

    connected(exchange, work)
    assert "too many streams" in caplog.text


def test_who_does_not_answer_a_subscription_is_left_though_it_talks(exchange, impatient):
    exchange.answers_requests = False
    talking = threading.Event()

    def talk() -> None:
        while not talking.wait(0.05):
            exchange.tells("", '{"stream": "other@trade", "data": {}}')

    async def work(connection: Connection) -> None:
        threading.Thread(target=talk, daemon=True).start()
        await until(lambda: exchange.lives >= 3, "it has been left")
        talking.set()

    connected(exchange, work)


def test_the_pause_grows_to_a_bound_and_is_never_the_same_for_all():
    pauses = [[pause_after(failures) for _ in range(50)] for failures in range(12)]

    assert max(pauses[0]) <= FIRST_PAUSE_SECONDS < max(pauses[3])
    assert max(map(max, pauses)) <= LONGEST_PAUSE_SECONDS
    assert all(min(tries) < max(tries) for tries in pauses)


@pytest.mark.parametrize(
    ("environment", "spot_url", "futures_url"),
    [
        (Environment.PAPER, "wss://paper.example:8090", "wss://paper.example:8090"),
        (Environment.TESTNET, "wss://stream.testnet.binance.vision", "wss://fstream.binancefuture.com"),
        (Environment.LIVE, "wss://stream.binance.com:9443", "wss://fstream.binance.com"),
    ],
)
def test_each_environment_has_streams_of_its_own(settings, environment, spot_url, futures_url):
    settings.ENVIRONMENTS, settings.PAPER_URL = [environment], "https://paper.example:8090"

    assert stream_hosts_of(environment) == StreamHosts(spot_url, futures_url)


def test_an_environment_that_is_switched_off_has_no_streams(settings):
    settings.ENVIRONMENTS = [Environment.PAPER]

    with pytest.raises(NotConfigured):
        stream_hosts_of(Environment.LIVE)


def test_futures_are_heard_at_two_addresses():
    series = {Series(Environment.LIVE, Market.FUTURES, "BTCUSDT", interval) for interval in ("1m", "1h")}

    heard = {route.path: streams_of(series, route) for route in ROUTES[Market.FUTURES]}

    assert heard == {
        "/market/stream": {"btcusdt@kline_1m", "btcusdt@kline_1h"},
        "/public/stream": {"btcusdt@bookTicker"},
    }


def test_requests_name_few_streams_each_and_all_of_them():
    names = {f"s{number}@bookTicker" for number in range(MOST_STREAMS)}

    requests = list(in_requests(names))

    assert {name for request in requests for name in request} == names
    assert [len(request) for request in requests] == [200] * 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"stream": "btcusdt@kline_1m"}',
        '{"stream": 7, "data": {}}',
        '{"stream": "btcusdt@bookTicker", "data": {"s": "BTCUSDT", "b": "1", "B": "1", "a": "0", "A": "1"}}',
        '{"stream": "btcusdt@bookTicker", "data": {"s": "BTCUSDT", "b": 1.5, "B": "1", "a": "2", "A": "1"}}',
        '{"result": null, "id": null}',
        '{"e": "error", "type": "BinanceWebsocketQueueOverflow"}',
    ],
)
def test_what_has_another_shape_than_promised_is_unreadable(text):
    with pytest.raises(Unreadable):
        news_of(text)


def test_what_is_about_something_else_is_passed_over():
    assert news_of('{"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}') is None


def test_a_thread_hands_on_what_a_call_raised():
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(Threads("t", 1).do(fails))


def test_the_lag_is_what_the_exchange_says_and_never_negative():
    connection = Connection("test", "", lambda _: None, lambda _: None, lambda _: None)
    connection._heard_at = datetime(2026, 11, 21, 12, tzinfo=UTC)

    connection._note_lag(milliseconds(connection._heard_at - timedelta(seconds=7)))
    late = connection.lag
    connection._note_lag(milliseconds(connection._heard_at + timedelta(seconds=7)))

    assert (late, connection.lag) == (timedelta(seconds=7), timedelta())
