"""Symbol rules: the cache, then the last good copy in the database, then the exchange."""

from decimal import Decimal

import pytest

from market.exchange.errors import ExchangeUnavailable, RateLimited
from market.models import SymbolRules
from market.symbols import REFRESH_EVERY, UnknownSymbol, rules_for, warm_symbols
from market.tests.factories import NOON, SymbolRulesFactory
from market.tests.listing import INFO, is_away
from market.tests.servers import answer

pytestmark = pytest.mark.django_db
PAPER = ("paper", "spot")
PREFIX = "symbols:paper:spot"
LATER = NOON + REFRESH_EVERY
BITCOIN_LOT = Decimal("0.00001")


def test_the_cache_is_asked_first(exchange, django_assert_num_queries):
    warm_symbols(*PAPER, now=NOON)
    SymbolRules.objects.update(status="BREAK")  # what the database says is not looked at

    with django_assert_num_queries(0):
        rules = rules_for(*PAPER, "BTCUSDT", now=NOON)

    assert rules.is_trading
    assert len(exchange.asked(INFO)) == 1


def test_the_database_is_asked_when_the_cache_is_empty(exchange, redis):
    SymbolRulesFactory()

    rules = rules_for(*PAPER, "BTCUSDT", now=NOON)

    assert rules.lot_size == BITCOIN_LOT
    assert exchange.calls == []


@pytest.mark.parametrize("garbage", ["{", "{}", "[]", "null", '{"filters": 7}', b"\xff\xfe"])
def test_the_database_is_asked_when_nobody_can_read_the_cache(exchange, redis, garbage):
    SymbolRulesFactory()
    redis.set(f"{PREFIX}:BTCUSDT", garbage)

    assert rules_for(*PAPER, "BTCUSDT", now=NOON).lot_size == BITCOIN_LOT


def test_the_database_is_asked_while_redis_is_away(redis_away):
    SymbolRulesFactory()

    assert rules_for(*PAPER, "BTCUSDT", now=NOON).lot_size == BITCOIN_LOT


def test_the_exchange_is_asked_when_nothing_is_known_and_once(exchange):
    rules = [rules_for(*PAPER, symbol, now=NOON) for symbol in ("BTCUSDT", "ETHUSDT", "BTCUSDT")]

    assert [item.base_asset for item in rules] == ["BTC", "ETH", "BTC"]
    assert len(exchange.asked(INFO)) == 1


def test_nothing_known_and_nobody_there_is_an_exchange_that_is_away(exchange):
    is_away(exchange)

    with pytest.raises(ExchangeUnavailable):
        rules_for(*PAPER, "BTCUSDT", now=NOON)


def test_a_symbol_that_nobody_knows_costs_no_request_once_others_are_known(exchange):
    warm_symbols(*PAPER, now=NOON)

    with pytest.raises(UnknownSymbol, match="NOPEUSDT"):
        rules_for(*PAPER, "NOPEUSDT", now=NOON)

    assert len(exchange.asked(INFO)) == 1


def test_the_rules_of_another_environment_are_no_answer(exchange):
    SymbolRulesFactory(environment="live", status="BREAK")

    assert rules_for(*PAPER, "BTCUSDT", now=NOON).is_trading


@pytest.mark.parametrize("trouble", [answer("", 502), answer({"symbols": []}), answer({"code": -1003, "msg": ""}, 429)])
@pytest.mark.parametrize("cache_lost", [False, True])
def test_the_last_good_rules_serve_while_the_exchange_is_in_trouble(exchange, redis, trouble, cache_lost):
    warm_symbols(*PAPER, now=NOON)
    exchange.will(INFO, trouble)
    if cache_lost:
        redis.flushdb()

    with pytest.raises((ExchangeUnavailable, RateLimited)):
        warm_symbols(*PAPER, now=LATER)

    assert rules_for(*PAPER, "BTCUSDT", now=LATER).is_trading
    assert SymbolRules.objects.get(symbol="BTCUSDT").refreshed_at == NOON
