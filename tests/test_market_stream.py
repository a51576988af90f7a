"""`manage.py market_stream` beside a fleet: the real command, a real paper exchange that is killed and comes back."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, time
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone
from django_redis import get_redis_connection

from bots.services.look import look_at_series
from bots.services.wanted import wanted_series
from bots.tasks import MARKET_DATA_LOCK, update_market_data
from bots.tests.factories import BotFactory
from market.candles import candles_key, closed_candles
from market.exchange import public_gateway
from market.feed.copies import Copy
from market.feed.heartbeat import heartbeat, is_streamed
from market.locks import advisory_lock
from market.paper.tests.server import PaperServer
from market.prices import known_quote, last_prices, last_quote
from market.symbols import warm_symbols
from market.types import Environment, Market, Series
from ops.stack import environment
from ops.stack.testing import Child, Spawn
from tests.test_redis_hiccup import Broker

pytestmark = pytest.mark.django_db(transaction=True)

SPOT = [Series(Environment.PAPER, Market.SPOT, symbol, "1m") for symbol in ("BTCUSDT", "ETHUSDT")]
FUTURES = [Series(Environment.PAPER, Market.FUTURES, symbol, "1m") for symbol in ("BTCUSDT", "XRPUSDT")]
SERIES = [*SPOT, *FUTURES]
SOL = Series(Environment.PAPER, Market.SPOT, "SOLUSDT", "5m")
MARKET_DATA = ("klines", "ticker/price", "ticker/bookTicker")


class Exchange:
    """A paper exchange of its own on a port that stays, so that it can be killed and come back."""

    def __init__(self, ledger: Path, port: int, token: str) -> None:
        self._start = lambda: PaperServer(ledger, "--port", str(port), "--weight-limit", "0", token=token)
        self.server = self._start()

    def start(self) -> None:
        self.server = self._start()

    @property
    def calls(self) -> dict[str, int]:
        """How many requests for market data it has counted, by endpoint."""
        counted = self.server.admin("GET", "/paper/stats")["requests"]
        return {name: count for name, count in counted.items() if name.endswith(MARKET_DATA)}


@pytest.fixture
def exchange(tmp_path, settings, monkeypatch, free_port) -> Iterator[Exchange]:
    get_redis_connection("default").flushdb()
    exchange = Exchange(tmp_path / "ledger.sqlite", free_port, settings.PAPER_ADMIN_TOKEN)
    monkeypatch.setenv("PAPER_URL", exchange.server.url)
    settings.PAPER_URL = exchange.server.url
    yield exchange
    exchange.server.kill()


@pytest.fixture
def fleet(exchange) -> None:
    """Three bots on each series, on symbols that are known."""
    for market in Market:
        warm_symbols(Environment.PAPER, market, now=timezone.now())
    for series in SERIES * 3:
        start_bot(series)


@pytest.fixture
def stream(fleet, spawn: Spawn, wait_until: Callable[..., object]) -> Child:
    """The command, with all series of the fleet live."""
    child = start(spawn)
    wait_until(lambda: all(map(is_streamed, SERIES)), 30, "all series are live")
    wait_until(lambda: all(map(has_prices, SERIES)), 10, "all prices are there")
    return child


def start_bot(series: Series) -> None:
    leverage = 5 if series.market == Market.FUTURES else 1
    BotFactory(account__market=series.market, symbol=series.symbol, interval=series.interval, leverage=leverage)


def start(spawn: Spawn, name: str = "stream", **variables: str) -> Child:
    database = "postgresql://tradebot@/{host}/{dbname}".format(**connection.get_connection_params())
    env = dict(os.environ) | {"DATABASE_URL": database} | variables
    return spawn([sys.executable, "manage.py", "market_stream"], env=env, name=name)


def has_prices(series: Series) -> bool:
    now = timezone.now()
    fed = get_redis_connection("default").exists(f"prices:{series.environment}:{series.market}:fed")
    return bool(fed and known_quote(series.environment, series.market, series.symbol, now=now))


def look(series: Series) -> Any:
    """What a bot does that wants to enter: look at the series, and at the best prices."""
    try:
        view = look_at_series(series, now=timezone.now())
        last_quote(series.environment, series.market, series.symbol, now=timezone.now())
        return view
    finally:
        connection.close()


def minute() -> int:
    return int(time() // 60)


def test_a_minute_of_the_fleet_costs_no_call_for_market_data_while_the_stream_runs(exchange, stream, wait_until):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, SERIES))
        begun, before = minute(), exchange.calls
        wait_until(lambda: minute() > begun, 65, "the next candle has closed")
        views = list(pool.map(look, SERIES * 3))
    after = exchange.calls

    assert after == before
    for view in views:
        assert view.candles.close_at(view.series.duration) == view.candle_close_at
        assert (timezone.now() - view.price_at).total_seconds() < 10
    assert views[0].candle_close_at.minute == minute() % 60
    for series, view in zip(SERIES, views, strict=False):
        told = public_gateway(series.environment, series.market).candles(series.symbol, "1m", limit=10)[-6:-1]
        kept = np.column_stack([view.candles.open_time_ms, view.candles.close, view.candles.volume])[-5:]
        assert np.array_equal(kept, told[:, [0, 4, 5]])


def test_a_symbol_that_no_bot_trades_is_asked_for_when_somebody_looks_for_it(exchange, stream):
    before = exchange.calls

    prices = last_prices(Environment.PAPER, Market.SPOT, now=timezone.now())

    assert prices["BTCUSDT"].value > 0
    assert exchange.calls == before
    assert prices["XRPUSDT"].value > 0
    assert prices.get("XRPUSDT") is not None
    assert "NOSUCHUSDT" not in prices
    assert exchange.calls["GET /api/v3/ticker/price"] == before.get("GET /api/v3/ticker/price", 0) + 1


def test_when_the_stream_is_killed_everything_goes_on_by_rest(exchange, stream, wait_until):
    stream.kill()
    wait_until(lambda: not is_streamed(SPOT[0]) and not has_fresh_quote(SPOT[0]), 15, "it is forgotten")
    age(SPOT[0])
    before = exchange.calls

    view = look(SPOT[0])

    assert view.candles.close_at(view.series.duration) == view.candle_close_at
    asked = {name: count - before.get(name, 0) for name, count in exchange.calls.items() if count > before.get(name, 0)}
    assert asked == {f"GET /api/v3/{name}": 1 for name in MARKET_DATA}


def has_fresh_quote(series: Series) -> bool:
    return known_quote(series.environment, series.market, series.symbol, now=timezone.now()) is not None


def age(series: Series) -> None:
    """As if the copy were of three candles ago."""
    redis = get_redis_connection("default")
    copy = Copy.unpack(redis.get(candles_key(series)), series)
    redis.set(candles_key(series), Copy(series, copy.rows[:-3]).pack())


def test_the_stream_comes_back_when_the_exchange_does(exchange, stream, wait_until):
    exchange.server.kill()
    wait_until(lambda: not any(map(is_streamed, SERIES)), 10, "nothing is live")
    age(SPOT[0])

    exchange.start()

    wait_until(lambda: all(map(is_streamed, SERIES)), 40, "all series are live")
    wait_until(lambda: all(map(has_prices, SERIES)), 10, "all prices are there")
    now = timezone.now()
    assert closed_candles(SPOT[0], now=now).close_at(SPOT[0].duration) == SPOT[0].last_close_at(now)
    assert stream.process.poll() is None


def test_an_exchange_that_hangs_is_left_and_found_again(exchange, stream, wait_until):
    os.kill(exchange.server.pid, signal.SIGSTOP)
    wait_until(lambda: not any(map(is_streamed, SERIES)), 40, "nothing is live")
    assert not has_fresh_quote(SPOT[0])

    os.kill(exchange.server.pid, signal.SIGCONT)

    wait_until(lambda: all(map(is_streamed, SERIES)), 60, "all series are live")


def test_a_bot_that_starts_is_streamed_within_moments(exchange, stream, wait_until):
    assert not is_streamed(SOL)

    start_bot(SOL)

    wait_until(lambda: is_streamed(SOL), 20, "the new series is live")
    assert wanted_series() == {*SERIES, SOL}
    assert heartbeat(Environment.PAPER, Market.SPOT)["series"] == ["BTCUSDT:1m", "ETHUSDT:1m", "SOLUSDT:5m"]


def test_sigterm_ends_the_command_at_once_also_while_the_exchange_hangs(exchange, stream):
    os.kill(exchange.server.pid, signal.SIGSTOP)
    begun = monotonic()
    os.kill(stream.pid, signal.SIGTERM)

    status = stream.wait()

    os.kill(exchange.server.pid, signal.SIGCONT)
    assert (status, monotonic() - begun < 2) == (0, True)
    assert "market stream: stopped" in stream.text
    assert heartbeat(Environment.PAPER, Market.SPOT) is None


@pytest.fixture
def own_redis(tmp_path, settings, spawn: Spawn, wait_until: Callable[..., object]) -> Broker:
    """A Redis for the cache of this test, which may die."""
    broker = Broker(tmp_path / "stack", spawn, wait_until)
    location = environment.cache_url(broker.socket, 1)
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": location}}
    return broker


@pytest.fixture
def stream_on_own_redis(own_redis, fleet, spawn: Spawn, wait_until: Callable[..., object]) -> Child:
    child = start(spawn, REDIS_URL=environment.cache_url(own_redis.socket, 1))
    wait_until(lambda: all(map(is_streamed, SERIES)), 30, "all series are live")
    return child


def test_a_redis_that_dies_and_comes_back_is_used_again(own_redis, stream_on_own_redis, wait_until):
    own_redis.kill()
    stream_on_own_redis.wait_for("Redis does not answer")

    own_redis.start()

    wait_until(lambda: all(map(is_streamed, SERIES)), 30, "all series are live")
    wait_until(lambda: all(map(has_prices, SERIES)), 10, "all prices are there")
    assert stream_on_own_redis.process.poll() is None


def test_sigterm_ends_the_command_at_once_also_while_redis_hangs(own_redis, stream_on_own_redis):
    os.kill(own_redis.process.pid, signal.SIGSTOP)
    begun = monotonic()
    os.kill(stream_on_own_redis.pid, signal.SIGTERM)

    status = stream_on_own_redis.wait()

    os.kill(own_redis.process.pid, signal.SIGCONT)
    assert (status, monotonic() - begun < 2) == (0, True)


def test_a_second_stream_stands_by(exchange, stream, spawn, wait_until):
    second = start(spawn, "second")
    second.wait_for("standing by")
    os.kill(stream.pid, signal.SIGTERM)

    second.wait_for("leading")

    wait_until(lambda: all(map(is_streamed, SERIES)), 30, "all series are live")
    assert heartbeat(Environment.PAPER, Market.FUTURES)["pid"] == second.pid


def test_the_task_brings_what_is_behind_up_to_date_and_costs_nothing_more(exchange, fleet, wait_until):
    wait_until(lambda: 3 < time() % 60 < 50, 20, "no candle closes meanwhile")
    update_market_data()
    first = exchange.calls
    for series in SERIES[:2]:
        age(series)

    update_market_data()

    assert first == {
        "GET /api/v3/klines": 2,
        "GET /fapi/v1/klines": 2,
        "GET /api/v3/ticker/price": 1,
        "GET /fapi/v2/ticker/price": 1,
    }
    again = {name: count - first[name] for name, count in exchange.calls.items()}
    assert (again["GET /api/v3/klines"], again["GET /fapi/v1/klines"]) == (2, 0)
    now = timezone.now()
    assert all(
        closed_candles(series, now=now).close_at(series.duration) == series.last_close_at(now) for series in SERIES
    )


def test_one_such_task_runs_at_a_time(exchange, fleet):
    def update() -> None:
        update_market_data()
        connection.close()

    with advisory_lock(MARKET_DATA_LOCK) as ours, ThreadPoolExecutor(1) as pool:
        pool.submit(update).result(20)

    assert ours
    assert exchange.calls == {}


def test_the_task_leaves_an_exchange_that_is_away_to_the_next_round(exchange, fleet, caplog):
    exchange.server.kill()

    update_market_data()

    assert "left to the next round" in caplog.text
