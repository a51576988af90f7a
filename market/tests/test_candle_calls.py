"""What candles cost at the real paper exchange: as many calls as there are series, however many processes read them."""

import fcntl
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.utils import timezone

from market.budget import usage
from market.candles import candles_key
from market.exchange import public_gateway
from market.feed.copies import Copy
from market.types import Environment, Market, Series

SYMBOLS, INTERVALS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"), ("3m", "5m", "15m", "30m", "1h")
FUTURES = (Environment.PAPER, Market.FUTURES)
SERIES = [Series(*FUTURES, symbol, interval) for symbol in SYMBOLS for interval in INTERVALS]
READERS = 4


@dataclass
class Reading:
    """What each of some processes found, and what that cost."""

    found: list[dict[str, str]]
    calls: int
    weight: int


@pytest.fixture
def read_all(paper, redis, spawn, tmp_path: Path, early_in) -> Callable[[], Reading]:
    """Let some processes read all series at once, while no candle closes and no minute of weight begins."""

    def calls() -> int:
        return paper.admin("GET", "/paper/stats")["requests"].get("GET /fapi/v1/klines", 0)

    def read() -> Reading:
        gate = tmp_path / "gate"
        command = [sys.executable, "-m", "market.tests.reader", str(gate), *map(str, SERIES)]
        with gate.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            children = [spawn(command) for _ in range(READERS)]
            for child in children:
                child.wait_for("ready")
            early_in(60)
            # The exchange's answers name the weight of all tests of this minute: it must not come as news later.
            public_gateway(*FUTURES).clock_offset()
            before, paid = calls(), weight()
        for child in children:
            assert child.wait() == 0, child.text
        found = [json.loads(child.text.splitlines()[-1]) for child in children]
        return Reading(found, calls() - before, weight() - paid)

    return read


def weight() -> int:
    found = usage(*FUTURES, now=timezone.now())
    return found.used if found else 0


def let_a_candle_pass(redis) -> None:
    """As if all copies were of one candle ago."""
    for series in SERIES:
        copy = Copy.unpack(redis.get(candles_key(series)), series)
        redis.set(candles_key(series), Copy(series, copy.rows[:-1]).pack())


def test_twenty_series_cost_twenty_calls_and_at_the_next_candle_twenty_light_ones(redis, read_all):
    whole = read_all()
    let_a_candle_pass(redis)
    light = read_all()

    assert (whole.calls, whole.weight) == (20, 100)
    assert (light.calls, light.weight) == (20, 20)
    for reading in (whole, light):
        assert reading.found == [reading.found[0]] * READERS
