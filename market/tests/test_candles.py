"""Candles of the real paper exchange through the shared store: closed ones only, fetched once for all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from market.candles import StaleData, closed_candles
from market.exchange import public_gateway
from market.exchange.adapter import SpotGateway
from market.exchange.errors import BadRequest, ExchangeUnavailable
from market.types import INTERVALS, Environment, Market, Series, milliseconds, moment_of

MINUTE = timedelta(minutes=1)
BTC = Series(Environment.PAPER, Market.SPOT, "BTCUSDT", "1m")


@pytest.fixture(autouse=True)
def exchange(paper, redis):
    """The paper exchange, and nothing in the store."""
    return paper


@pytest.fixture
def fetched(monkeypatch) -> Iterator[list[str]]:
    """The symbols of all requests for candles, which go to the exchange as ever."""
    symbols: list[str] = []
    really = SpotGateway.candles

    def counted(self: SpotGateway, symbol: str, interval: str, *, limit: int) -> object:
        symbols.append(symbol)
        return really(self, symbol, interval, limit=limit)

    monkeypatch.setattr(SpotGateway, "candles", counted)
    return symbols


def last_minute() -> datetime:
    """The newest close of the real clock."""
    return BTC.last_close_at(timezone.now())


def last_close(now: datetime, series: Series = BTC) -> datetime:
    return closed_candles(series, now=now).close_at(series.duration)


@pytest.mark.parametrize("interval", INTERVALS)
def test_all_candles_are_closed_and_the_newest_closed_one_is_there(interval):
    series = Series(Environment.PAPER, Market.SPOT, "ETHUSDT", interval)
    now = timezone.now()

    candles = closed_candles(series, now=now)

    assert candles.close_at(series.duration) == series.last_close_at(now)
    assert now - series.duration < candles.close_at(series.duration) <= now
    assert len(candles) >= 500
    assert (np.diff(candles.open_time_ms) > 0).all()


def test_candles_are_the_numbers_of_the_exchange():
    now = timezone.now()
    rows = public_gateway(Environment.PAPER, Market.SPOT).candles("BTCUSDT", "1m", limit=1000)

    first, again = closed_candles(BTC, now=now), closed_candles(BTC, now=now)

    for candles in (first, again):  # fetched, and from the store
        received = np.column_stack([candles.open_time_ms, candles.open, candles.high, candles.low, candles.close])
        newest = rows[rows[:, 0] < milliseconds(BTC.last_close_at(now))][-500:]
        assert np.array_equal(received[-500:], newest[:, :5])


def test_many_callers_of_one_candle_cost_one_request(fetched):
    now = timezone.now()

    with ThreadPoolExecutor(16) as pool:
        closes = set(pool.map(lambda _: last_close(now), range(64)))

    assert closes == {BTC.last_close_at(now)}
    assert fetched == ["BTCUSDT"]


def test_each_further_candle_costs_one_request_more(fetched):
    now = timezone.now()

    closes = [last_close(now - ago * MINUTE) for ago in (2, 2, 1, 1, 0, 0)]

    assert closes == [BTC.last_close_at(now) - ago * MINUTE for ago in (2, 2, 1, 1, 0, 0)]
    assert len(fetched) == 3


def test_each_series_is_fetched_for_itself(fetched):
    now = timezone.now()

    for symbol in ("BTCUSDT", "ETHUSDT", "BTCUSDT"):
        closed_candles(Series(Environment.PAPER, Market.SPOT, symbol, "1m"), now=now)

    assert fetched == ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize(
    ("after_the_edge", "closed_minutes_ago"),
    [(timedelta(milliseconds=-1), 1), (timedelta(0), 0), (timedelta(milliseconds=1), 0), (MINUTE, -1)],
)
def test_a_candle_closes_exactly_at_the_edge_of_its_minute(after_the_edge, closed_minutes_ago):
    edge = last_minute() - MINUTE

    assert last_close(edge + after_the_edge) == edge - closed_minutes_ago * MINUTE


def test_a_caller_before_the_edge_never_sees_the_candle_that_closes_at_it(fetched):
    edge = last_minute()
    last_close(edge)  # another process, whose clock has passed the edge, fetched it

    before = last_close(edge - timedelta(milliseconds=1))

    assert before == edge - MINUTE
    assert len(fetched) == 1


def test_nothing_is_made_of_a_feed_that_is_too_old(redis):
    now = timezone.now() + timedelta(minutes=10)  # for us the exchange stands still since ten minutes

    with pytest.raises(StaleData, match=r"closed [56]\d\d s ago"):
        closed_candles(BTC, now=now)

    assert redis.keys("candles:*") == []


def test_an_unknown_symbol_is_an_error_of_its_own(fetched):
    series = Series(Environment.PAPER, Market.SPOT, "NOSUCHUSDT", "1m")

    with pytest.raises(BadRequest):
        closed_candles(series, now=timezone.now())

    assert len(fetched) == 1


def test_candles_come_without_redis_too(redis_away, fetched):
    now = timezone.now()

    closes = [last_close(now) for _ in range(2)]

    assert closes == [BTC.last_close_at(now)] * 2
    assert len(fetched) == 2


def test_candles_in_the_store_serve_while_the_exchange_is_away(settings, free_port, no_waiting):
    now = timezone.now()
    kept = last_close(now)
    settings.PAPER_URL = f"http://127.0.0.1:{free_port}"

    assert last_close(now) == kept
    with pytest.raises(ExchangeUnavailable):
        last_close(kept + MINUTE)  # the next candle is not there, and the old one is not served for it


def test_candles_are_kept_for_as_long_as_a_light_request_brings_what_they_lack(redis):
    last_close(timezone.now())

    left = timedelta(milliseconds=redis.pttl(f"candles:{BTC}"))

    assert 98 * MINUTE < left <= 99 * MINUTE


def test_the_last_candle_is_of_the_moment_asked_for():
    candles = closed_candles(BTC, now=timezone.now())

    assert moment_of(int(candles.open_time_ms[-1])) + MINUTE == candles.close_at(MINUTE)
