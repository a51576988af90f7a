"""How often shared data was there is counted, in each process, and added up for all of them."""

from datetime import timedelta

import pytest
from redis.exceptions import ConnectionError as RedisAway

from market import hits
from market.hits import count_read, reads
from market.store import known, shared

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch):
    hits._counted.clear()
    monkeypatch.setattr(hits, "HAND_OVER_SECONDS", 0)


def look(key: str) -> str:
    return shared(key, read=bytes.decode, fetch=lambda: (b"value", "value"), keep=HOUR)


def test_the_first_look_misses_and_the_others_hit(redis):
    for _ in range(3):
        look("candles:BTCUSDT")
    look("quote:BTCUSDT")
    assert known("candles:BTCUSDT", read=bytes.decode) == "value"
    assert known("candles:nobody", read=bytes.decode) is None  # who then fetches it is counted there

    assert reads() == {"candles": {"hits": 3, "misses": 1}, "quote": {"hits": 0, "misses": 1}}


def test_looks_between_two_hand_overs_cost_no_round_trip(redis, monkeypatch):
    monkeypatch.setattr(hits, "HAND_OVER_SECONDS", 3600)
    for _ in range(5):
        count_read("candles:BTCUSDT", hit=True)
    assert reads() == {}

    monkeypatch.setattr(hits, "HAND_OVER_SECONDS", 0)
    count_read("candles:BTCUSDT", hit=False)
    assert reads() == {"candles": {"hits": 5, "misses": 1}}


def test_nothing_is_lost_and_nobody_disturbed_while_redis_is_away(redis, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(hits, "get_redis_connection", away)
        count_read("candles:BTCUSDT", hit=True)
        assert reads() is None

    count_read("candles:BTCUSDT", hit=True)
    assert reads() == {"candles": {"hits": 2, "misses": 0}}


def away(_alias: str) -> None:
    raise RedisAway
