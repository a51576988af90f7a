"""Market data brought up to date by REST: what one series can't have does not hold up the others."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from market.candles import candles_key
from market.feed.refreshing import PATIENCE, refresh_all
from market.tests.factories import NOON
from market.tests.servers import answer
from market.tests.test_candles_edge import klines
from market.types import Environment, Market, Series

KLINES, PRICES = "/api/v3/klines", "/api/v3/ticker/price"
SERIES = [Series(Environment.PAPER, Market.SPOT, symbol, "1m") for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT")]
UNKNOWN = answer({"code": -1121, "msg": "Invalid symbol."}, 400)
TOO_MANY = answer({"code": -1003, "msg": "Too many requests."}, 429, {"Retry-After": "30"})


@pytest.fixture
def market(exchange):
    """An exchange with prices and candles."""
    exchange.will(PRICES, answer([{"symbol": "BTCUSDT", "price": "1.5"}]))
    exchange.will(KLINES, klines(NOON))
    return exchange


def at_noon() -> datetime:
    return NOON


def test_all_series_and_prices_are_fetched_once(market, redis):
    found = [refresh_all(SERIES, clock=at_noon) for _ in range(2)]

    assert found == [3, 3]
    assert [len(market.asked(path)) for path in (KLINES, PRICES)] == [3, 1]
    assert all(redis.exists(candles_key(series)) for series in SERIES)


def test_a_series_that_the_exchange_does_not_know_is_passed_over(market):
    market.will(KLINES, UNKNOWN, klines(NOON))

    assert refresh_all(SERIES, clock=at_noon) == 2


def test_who_is_told_to_be_silent_asks_for_no_other_series(market, caplog):
    market.will(KLINES, TOO_MANY)

    assert refresh_all(SERIES, clock=at_noon) == 0
    assert len(market.asked(KLINES)) == 1
    assert "left to the next round" in caplog.text


def test_a_round_that_takes_too_long_leaves_the_rest_to_the_next_one(market):
    moments: Iterator[datetime] = iter([NOON] * 4)

    def clock() -> datetime:
        return next(moments, NOON + PATIENCE + timedelta(seconds=1))

    assert refresh_all(SERIES, clock=clock) == 1
    assert len(market.asked(KLINES)) == 1
