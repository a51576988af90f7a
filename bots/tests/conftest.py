"""Bots on the real paper exchange, with strategies that say what a test wants."""

import numpy as np
import pytest
from django_redis import get_redis_connection

from bots.strategies import STRATEGIES, Reading, Signal, Strategy
from bots.tests.factories import BotFactory


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
def clean_cache():
    """What one test saw of the market is not what the next one sees."""
    get_redis_connection("default").flushdb()


@pytest.fixture
def strategies(monkeypatch):
    """The strategies `buying`, `selling`, `quiet` and `broken`."""
    for name, signal in (("buying", Signal.ENTER_LONG), ("selling", Signal.EXIT_LONG), ("quiet", Signal.NOTHING)):
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
