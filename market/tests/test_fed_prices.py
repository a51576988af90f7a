"""Prices of a feed, and of symbols that it does not bring."""

from datetime import timedelta
from decimal import Decimal

import pytest

from market.exchange.errors import ExchangeUnavailable
from market.prices import MAX_AGE, fed_prices_key, last_prices, packed_prices
from market.tests.factories import NOON
from market.tests.servers import answer
from market.types import Environment, Market

SPOT = (Environment.PAPER, Market.SPOT)
PRICES = "/api/v3/ticker/price"
MS = timedelta(milliseconds=1)
LISTED = [{"symbol": "BTCUSDT", "price": "2"}, {"symbol": "ETHUSDT", "price": "3"}]


@pytest.fixture
def market(exchange, redis):
    """An exchange that knows two symbols, and a feed that has just brought one of them."""
    exchange.will(PRICES, answer(LISTED))
    redis.set(fed_prices_key(*SPOT), packed_prices({"BTCUSDT": Decimal("1.5")}, at=NOON))
    return exchange


@pytest.mark.parametrize(("age", "price"), [(MAX_AGE, "1.5"), (MAX_AGE + MS, "2")])
def test_a_feed_is_believed_for_three_seconds(market, age, price):
    assert str(last_prices(*SPOT, now=NOON + age)["BTCUSDT"].value) == price


def test_what_a_feed_brings_costs_no_call_and_what_it_does_not_bring_costs_one(market):
    prices = last_prices(*SPOT, now=NOON)

    assert (prices["BTCUSDT"].value, prices["BTCUSDT"].at) == (Decimal("1.5"), NOON)
    assert market.asked(PRICES) == []
    assert (prices["ETHUSDT"].value, "ETHUSDT" in prices, prices.get("XRPUSDT")) == (Decimal(3), True, None)
    assert len(market.asked(PRICES)) == 1


def test_while_the_exchange_is_away_only_what_a_feed_brings_is_there(market):
    market.will(PRICES, answer({}, 503))
    prices = last_prices(*SPOT, now=NOON)

    for _ in range(2):
        with pytest.raises(ExchangeUnavailable):
            prices.get("ETHUSDT")
    assert len(market.asked(PRICES)) == 4  # one question with its retries, for all who look
    assert prices["BTCUSDT"].value == Decimal("1.5")


@pytest.mark.parametrize("packed", [b"", b"{}", b"[1]", b'{"at_ms": "x", "prices": {}}'])
def test_what_is_unreadable_is_passed_over(market, redis, packed):
    redis.set(fed_prices_key(*SPOT), packed)

    assert last_prices(*SPOT, now=NOON)["BTCUSDT"].value == 2
