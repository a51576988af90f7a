"""What candles cost at the real paper exchange: as many calls as there are series, however many processes read them."""

import fcntl
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import time

import pytest
from django.utils import timezone

from market.budget import usage
from market.candles import candles_key
from market.feed.copies import Copy
from market.types import Environment, Market, Series

SYMBOLS, INTERVALS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"), ("3m", "5m", "15m", "30m", "1h")
FUTURES = (Environment.PAPER, Market.FUTURES)
SERIES = [Series(*FUTURES, symbol, interval) for symbol in SYMBOLS for interval in INTERVALS]
READERS = 4


@pytest.fixture
def calls(paper) -> Callable[[], int]:
    """How many requests for candles the exchange has counted so far."""
    return lambda: paper.admin("GET", "/paper/stats")["requests"].get("GET /fapi/v1/klines", 0)


@pytest.fixture
def read_all(paper, redis, spawn, tmp_path: Path) -> Callable[[], list[dict[str, str]]]:
    """Let some processes read all series at once; what each of them found."""

    def read() -> list[dict[str, str]]:
        gate = tmp_path / "gate"
        command = [sys.executable, "-m", "market.tests.reader", str(gate), *map(str, SERIES)]
        with gate.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            children = [spawn(command) for _ in range(READERS)]
            for child in children:
                child.wait_for("ready")
        for child in children:
            assert child.wait() == 0, child.text
        return [json.loads(child.text.splitlines()[-1]) for child in children]

    return read


def weight() -> int:
    found = usage(*FUTURES, now=timezone.now())
    return found.used if found else 0


def let_a_candle_pass(redis) -> None:
    """As if all copies were of one candle ago."""
    for series in SERIES:
        copy = Copy.unpack(redis.get(candles_key(series)), series)
        redis.set(candles_key(series), Copy(series, copy.rows[:-1]).pack())


def test_twenty_series_cost_twenty_calls_and_at_the_next_candle_twenty_light_ones(redis, calls, read_all, wait_until):
    wait_until(
        lambda: 3 < time() % 180 < 140 and time() % 60 < 45, 60
    )  # no candle closes, and the weight is of one minute
    before, paid = calls(), weight()
    first = read_all()
    whole_calls, whole_weight = calls() - before, weight() - paid

    let_a_candle_pass(redis)
    wait_until(lambda: time() % 60 < 45, 20)
    before, paid = calls(), weight()
    second = read_all()

    assert (whole_calls, whole_weight) == (20, 100)
    assert (calls() - before, weight() - paid) == (20, 20)
    assert first == second == [first[0]] * READERS
