"""The refresh of symbol rules: in which order it writes, how long it holds, and what it must not destroy."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from redis import Redis

from market.exchange.errors import ExchangeUnavailable
from market.exchange.hosts import BINANCE
from market.models import SymbolRules
from market.symbols import KEEP, REFRESH_EVERY, rules_for, warm_symbols
from market.tasks import warmup_futures_symbols_cache, warmup_spot_symbols_cache
from market.tests.factories import NOON, SymbolRulesFactory, entry, futures_entry
from market.tests.listing import FUTURES_INFO, is_away, lists, lot
from market.tests.servers import answer, hosts_at

pytestmark = pytest.mark.django_db
PAPER = ("paper", "spot")
PREFIX = "symbols:paper:spot"
LATER = NOON + REFRESH_EVERY


def test_symbols_are_written_first_and_the_count_of_successes_last(exchange, redis, monkeypatch):
    written: list[str] = []
    really = Redis.pipeline

    def watched(self: Redis, *arguments: Any, **named: Any) -> Any:
        pipe = really(self, *arguments, **named)
        execute = pipe.execute
        pipe.execute = lambda: (written.extend(str(item[0][1]) for item in pipe.command_stack), execute())
        return pipe

    monkeypatch.setattr(Redis, "pipeline", watched)
    lists(exchange, entry("AAAUSDT"), entry("ETHUSDT"), entry("BTCUSDT"))

    warm_symbols(*PAPER, now=NOON)

    order = ["BTCUSDT", "ETHUSDT", "AAAUSDT", "last_good", "refreshed_at", "successes"]  # popular coins first
    assert written == [f"{PREFIX}:{name}" for name in order]


def test_cached_rules_live_three_times_as_long_as_a_refresh_takes(exchange, redis):
    warm_symbols(*PAPER, now=NOON)

    left = timedelta(milliseconds=redis.pttl(f"{PREFIX}:BTCUSDT"))
    assert 3 * REFRESH_EVERY - timedelta(seconds=10) < left <= KEEP
    assert redis.ttl(f"{PREFIX}:last_good") == -1  # for ever
    assert redis.get(f"{PREFIX}:refreshed_at").decode() == NOON.isoformat()


def test_every_success_is_counted_and_no_failure(exchange, redis):
    warm_symbols(*PAPER, now=NOON)
    is_away(exchange)
    with pytest.raises(ExchangeUnavailable):
        warm_symbols(*PAPER, now=LATER)

    assert redis.get(f"{PREFIX}:successes") == b"1"
    assert redis.get(f"{PREFIX}:refreshed_at").decode() == NOON.isoformat()


def test_a_change_of_the_exchange_reaches_cache_and_database(exchange, redis):
    warm_symbols(*PAPER, now=NOON)
    lists(exchange, entry("BTCUSDT", status="BREAK", filters=lot(stepSize="0.1")))

    warm_symbols(*PAPER, now=LATER)

    row = SymbolRules.objects.get(symbol="BTCUSDT")
    for rules in (rules_for(*PAPER, "BTCUSDT", now=LATER), row.rules):
        assert (rules.status, rules.lot_size) == ("BREAK", Decimal("0.1"))
    assert row.refreshed_at == LATER


def test_a_delisted_symbol_trades_no_more_from_the_next_refresh_on(exchange, redis):
    warm_symbols(*PAPER, now=NOON)
    lists(exchange, entry("BTCUSDT"))

    warm_symbols(*PAPER, now=LATER)

    rules = rules_for(*PAPER, "ETHUSDT", now=LATER)
    assert (rules.status, rules.is_trading) == ("DELISTED", False)
    assert rules_for(*PAPER, "BTCUSDT", now=LATER).is_trading


def test_a_symbol_that_is_listed_again_trades_again(exchange):
    SymbolRulesFactory(symbol="ETHUSDT", status="DELISTED", refreshed_at=NOON - timedelta(days=1))

    warm_symbols(*PAPER, now=NOON)

    assert rules_for(*PAPER, "ETHUSDT", now=NOON).is_trading
    assert SymbolRules.objects.get(symbol="ETHUSDT").status == "TRADING"


def test_only_symbols_in_usdt_are_kept(exchange, redis):
    lists(exchange, entry("BTCUSDT"), entry("ETHBTC", quoteAsset="BTC"))

    count = warm_symbols(*PAPER, now=NOON)

    assert count == 1
    assert list(SymbolRules.objects.values_list("symbol", flat=True)) == ["BTCUSDT"]


@pytest.mark.parametrize("broken", [{"filters": []}, {"filters": lot(stepSize="one")}, {"filters": None}])
def test_a_symbol_with_unreadable_rules_keeps_its_last_good_ones_and_harms_no_other(exchange, redis, broken):
    warm_symbols(*PAPER, now=NOON)
    lists(exchange, entry("BTCUSDT"), entry("ETHUSDT", **broken), {})

    warm_symbols(*PAPER, now=LATER)

    assert rules_for(*PAPER, "ETHUSDT", now=LATER).is_trading
    assert SymbolRules.objects.get(symbol="BTCUSDT").refreshed_at == LATER


def test_long_lists_that_no_rule_reads_are_kept_nowhere(exchange, redis):
    lists(exchange, entry("BTCUSDT", permissionSets=[["TRD_GRP_004"] * 100], orderTypes=["LIMIT"]))

    warm_symbols(*PAPER, now=NOON)

    assert b"TRD_GRP" not in redis.get(f"{PREFIX}:BTCUSDT")
    assert "permissionSets" not in SymbolRules.objects.get().entry


def test_the_database_learns_while_redis_is_away(exchange, redis_away):
    warm_symbols(*PAPER, now=NOON)

    assert SymbolRules.objects.count() == 2


def test_an_environment_that_is_away_does_not_hold_up_the_others(exchange, settings, free_port, monkeypatch):
    settings.ENVIRONMENTS = ["testnet", "paper"]
    monkeypatch.setitem(BINANCE, "testnet", hosts_at(f"http://127.0.0.1:{free_port}"))

    with pytest.raises(ExchangeUnavailable):
        warmup_spot_symbols_cache()

    assert set(SymbolRules.objects.values_list("environment", flat=True)) == {"paper"}


def test_futures_that_expire_are_not_kept(exchange, redis):
    quarterly = futures_entry("BTCUSDT_260327", contractType="CURRENT_QUARTER")
    exchange.will(FUTURES_INFO, answer({"symbols": [futures_entry("BTCUSDT"), quarterly]}))

    count = warm_symbols("paper", "futures", now=NOON)

    assert count == 1
    assert list(SymbolRules.objects.values_list("market", "symbol")) == [("futures", "BTCUSDT")]


def test_a_symbol_has_rules_of_its_own_on_each_market(exchange, redis):
    exchange.will(FUTURES_INFO, answer({"symbols": [futures_entry("BTCUSDT")]}))

    warmup_spot_symbols_cache()
    warmup_futures_symbols_cache()

    spot, futures = (rules_for("paper", market, "BTCUSDT", now=NOON) for market in ("spot", "futures"))
    assert (spot.is_futures, futures.is_futures) == (False, True)
    assert (spot.lot_size, futures.lot_size) == (Decimal("0.00001"), Decimal("0.001"))
    assert redis.get("symbols:paper:futures:successes") == b"1"


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_all_symbols_of_the_paper_exchange_have_rules(paper, redis, market):
    count = warm_symbols("paper", market, now=NOON)

    assert count == SymbolRules.objects.count() >= 4
    assert all(row.rules.is_trading for row in SymbolRules.objects.all())
