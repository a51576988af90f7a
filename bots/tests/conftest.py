"""Bots on the real paper exchange, with strategies that say what a test wants."""

import numpy as np
import pytest
from django_redis import get_redis_connection

from bots.services import sieve
from bots.strategies import STRATEGIES, Reading, Signal, Strategy
from bots.tests.factories import BotFactory
from market.exchange.adapter import GATEWAYS


def saying(signal: Signal, name: str) -> Strategy:
    """A strategy that gives the same signal for every candle."""
    return Strategy(
        name,
        name,
        (),
        candles_needed=lambda parameters: 5,
        read=lambda candles, parameters: Reading(np.full(len(candles), signal, np.int8), {}, f"{name} says so"),
    )


def failing(candles, parameters):
    raise ZeroDivisionError("the strategy is broken")


@pytest.fixture(autouse=True)
def clean_cache(monkeypatch):
    """What one test saw of the market is not what the next one sees; nor need a strategy be the same by its name."""
    get_redis_connection("default").flushdb()
    monkeypatch.setattr(sieve, "known_recipes", {})


@pytest.fixture
def strategies(monkeypatch):
    """The strategies `buying`, `selling`, `shorting`, `quiet` and `broken`."""
    signals = {
        "buying": Signal.ENTER_LONG,
        "selling": Signal.EXIT_LONG,
        "shorting": Signal.ENTER_SHORT,
        "quiet": Signal.NOTHING,
    }
    for name, signal in signals.items():
        monkeypatch.setitem(STRATEGIES, name, saying(signal, name))
    broken = Strategy("broken", "broken", (), candles_needed=lambda parameters: 5, read=failing)
    monkeypatch.setitem(STRATEGIES, "broken", broken)


@pytest.fixture
def make_bot(paper, strategies):
    """`make_bot(strategy="buying", **fields)`: a running bot with an account of its own at the paper exchange."""

    def make(strategy: str = "buying", **fields):
        api_key, api_secret = paper.create_account()
        keys = {"account__api_key": api_key, "account__api_secret": api_secret}
        return BotFactory(**({"strategy": strategy} | keys | fields))

    return make


@pytest.fixture
def make_futures_bot(paper, strategies):
    """`make_futures_bot(strategy="buying", **fields)`: a running bot at leverage 5 on an account of 10,000 USDT."""

    def make(strategy: str = "buying", **fields):
        key = paper.open_account(futures={"USDT": "10000"})
        account = {"account__market": "futures", "account__api_key": key["api_key"]}
        account["account__api_secret"] = key["api_secret"]
        return BotFactory(**({"strategy": strategy, "leverage": 5} | account | fields))

    return make


@pytest.fixture
def price_is(paper):
    """`price_is(50_000)` holds BTC at a price on spot, for the exchange and for us."""

    def hold(price):
        paper.set_price("BTCUSDT", f"{price}.00")
        get_redis_connection("default").delete("prices:paper:spot", "quote:paper:spot:BTCUSDT")

    yield hold
    paper.set_price("BTCUSDT", None)


@pytest.fixture
def futures_price_is(paper):
    """`futures_price_is(50_000)` holds BTC at a price on futures, for the exchange and for us."""

    def hold(price):
        paper.set_price("BTCUSDT", f"{price}.0", "futures")
        get_redis_connection("default").delete("prices:paper:futures")

    yield hold
    paper.set_price("BTCUSDT", None, "futures")


@pytest.fixture
def calls(monkeypatch):
    """The names of the calls that reach any futures gateway."""
    seen = []
    gateway = GATEWAYS["futures"]
    for name in ("futures_setup", "set_leverage", "set_isolated", "margin_brackets", "positions", "submit"):
        original = getattr(gateway, name)

        def call(self, *args, _name=name, _original=original, **kwargs):
            seen.append(_name)
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(gateway, name, call)
    return seen
