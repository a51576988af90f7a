import csv
import gzip
import json
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.paper.prices.candles import INTERVALS
from market.paper.prices.feed import Anchor, Feed
from market.paper.prices.path import STEP_MS, STEPS, minute_path
from market.paper.prices.recording import DATA, MS_PER_MINUTE, Candles, load_recording
from market.paper.tests.rules import RULES

RECORDING = load_recording()
TICKS = {symbol: rules.price.step for symbol, rules in RULES.items()}
REAL = 29_900_000  # some minute of 2026 that is aligned to nothing
ANCHOR = Anchor(real=REAL, recorded=RECORDING.first_minute + 20_000)
FEED = Feed(RECORDING, ANCHOR, TICKS)


def at(minute: int, second: float = 0) -> int:
    """A moment, in minutes since the anchor."""
    return (REAL + minute) * MS_PER_MINUTE + int(second * 1000)


def rows(feed: Feed, symbol: str, interval: str, now_ms: int, **bounds: int) -> list[list]:
    asked = {"limit": 500, "start_ms": None, "end_ms": None} | bounds
    return json.loads(feed.klines(symbol, interval, now_ms, **asked))


def recorded(symbol: str) -> list[dict[str, str]]:
    """The recording as its file has it, read without the code under test."""
    (path,) = DATA.glob(f"spot_{symbol}_1m_*.csv.gz")
    with gzip.open(path, "rt") as lines:
        return list(csv.DictReader(lines))


def with_gap(first: int, end: int) -> Feed:
    """A feed whose BTC recording misses the minutes ``first..end-1`` after the anchor."""
    candles = RECORDING.candles["BTCUSDT"]
    columns = {name: getattr(candles, name).copy() for name in Candles.__slots__}
    for values in columns.values():
        values[20_000 + first : 20_000 + end] = 0
    return Feed(replace(RECORDING, candles={"BTCUSDT": Candles(**columns)}), ANCHOR, TICKS)


@given(
    st.integers(1, 10**9), st.integers(0, 1000), st.integers(0, 1000), st.floats(0, 1), st.integers(1, 100), st.text()
)
def test_path_starts_at_the_open_touches_both_extremes_and_ends_at_the_close(low, up, more, part, tick, seed):
    bar = {"opened": low + up, "close": low + int(more * part), "low": low, "high": low + max(up, more)}

    path = minute_path(seed, tick=tick, **bar)

    assert len(path) == STEPS
    assert (path[0], path[-1]) == (bar["opened"], bar["close"])
    assert (path.min(), path.max()) == (bar["low"], bar["high"])


def test_rising_minute_goes_to_its_low_first_and_a_falling_one_to_its_high():
    rising = minute_path("x", opened=100, high=130, low=90, close=120, tick=1)
    falling = minute_path("x", opened=120, high=130, low=90, close=100, tick=1)

    assert rising.argmin() < rising.argmax()
    assert falling.argmax() < falling.argmin()


def test_price_is_the_same_whoever_asks_and_in_whatever_order():
    moments = [at(minute, second) for minute in range(3) for second in (0, 7.3, 31, 59.9)]

    forward = [FEED.price("SOLUSDT", moment) for moment in moments]
    again = Feed(RECORDING, ANCHOR, TICKS)

    assert [again.price("SOLUSDT", moment) for moment in reversed(moments)] == forward[::-1]
    assert len(set(forward)) > 3


def test_recorded_minute_of_the_anchor_is_the_real_minute_of_the_start():
    row = recorded("BTCUSDT")[20_000]

    opened = rows(FEED, "BTCUSDT", "1m", at(5), start_ms=at(0), limit=1)[0]

    assert opened[0] == at(0)
    assert [Decimal(text) for text in opened[1:6]] == [
        Decimal(row[k]) for k in ("open", "high", "low", "close", "volume")
    ]


def test_restart_goes_on_where_the_replay_is():
    later = Feed(RECORDING, ANCHOR, TICKS)  # the anchor comes from the ledger, whenever the process starts

    assert later.klines("ETHUSDT", "1m", at(90), limit=50, start_ms=None, end_ms=None) == FEED.klines(
        "ETHUSDT", "1m", at(90), limit=50, start_ms=None, end_ms=None
    )


@pytest.mark.parametrize("symbol", list(RULES))
@pytest.mark.parametrize("interval", ["1m", "3m", "5m", "15m", "30m", "1h", "4h", "1d"])
def test_candles_equal_the_sums_of_the_recorded_minutes(symbol, interval):
    size = INTERVALS[interval]
    expected: dict[int, list[dict]] = defaultdict(list)
    file = recorded(symbol)
    for real in range(REAL - 20_000, REAL):
        expected[real // size].append(file[20_000 + real - REAL])

    shown = rows(FEED, symbol, interval, at(0), limit=1000)

    assert len(shown) == 1000
    whole = [row for row in shown[:-1] if len(expected.get(row[0] // MS_PER_MINUTE // size, [])) == size]
    assert len(whole) >= 12
    for row in whole:
        minutes = expected[row[0] // MS_PER_MINUTE // size]
        assert row[0] % (size * MS_PER_MINUTE) == 0
        assert row[6] == row[0] + size * MS_PER_MINUTE - 1
        assert Decimal(row[1]) == Decimal(minutes[0]["open"])
        assert Decimal(row[2]) == max(Decimal(minute["high"]) for minute in minutes)
        assert Decimal(row[3]) == min(Decimal(minute["low"]) for minute in minutes)
        assert Decimal(row[4]) == Decimal(minutes[-1]["close"])
        assert Decimal(row[5]) == sum(Decimal(minute["volume"]) for minute in minutes)
        assert all(len(text.partition(".")[2]) == 8 for text in (*row[1:6], row[7]))


@pytest.mark.parametrize("interval", ["1m", "15m", "1d"])
def test_open_candle_is_the_last_row_and_grows_into_the_recorded_one(interval):
    size = INTERVALS[interval]
    first = REAL - REAL % size
    seen = []
    for minute in sorted({first, first + size // 2, first + size - 1}):
        for second in (0, 20, 40, 59.9):
            moment = minute * MS_PER_MINUTE + int(second * 1000)
            row = rows(FEED, "XRPUSDT", interval, moment, limit=2)[-1]
            assert row[0] == first * MS_PER_MINUTE
            assert Decimal(row[3]) <= Decimal(row[4]) <= Decimal(row[2])
            assert row[4] == format(Decimal(FEED.price("XRPUSDT", moment)).scaleb(-8), ".8f")
            seen.append(row)
    closed = rows(FEED, "XRPUSDT", interval, (first + size) * MS_PER_MINUTE, limit=2)[0]

    for earlier, later in pairwise(seen):
        assert Decimal(earlier[2]) <= Decimal(later[2])
        assert Decimal(earlier[3]) >= Decimal(later[3])
        assert Decimal(earlier[5]) <= Decimal(later[5])
    assert seen[-1] == closed


def test_price_never_leaves_the_candle_it_is_in():
    for minute in range(50):
        (row,) = rows(FEED, "BTCUSDT", "1m", at(minute + 1), start_ms=at(minute), end_ms=at(minute), limit=1)
        low, high = Decimal(row[3]), Decimal(row[2])
        prices = [price for _, price in FEED.prices_between("BTCUSDT", at(minute) - 1, at(minute + 1) - 1)]
        assert len(prices) == STEPS
        assert (min(prices), max(prices)) == (low, high)


def test_steps_between_two_moments_are_each_told_once():
    moments = [at(0), at(0, 0.1), at(0, 0.26), at(0, 3), at(1, 1)]

    told = [step for a, b in pairwise(moments) for step, _ in FEED.prices_between("BTCUSDT", a, b)]

    assert told == list(range(at(0) + STEP_MS, at(1, 1) + 1, STEP_MS))


def test_loop_wraps_backwards_before_the_beginning_and_forwards_after_the_end():
    length = RECORDING.length
    one = rows(FEED, "BTCUSDT", "1h", at(0), limit=20)
    past = rows(FEED, "BTCUSDT", "1h", at(-3 * length), limit=20)
    future = rows(FEED, "BTCUSDT", "1h", at(2 * length), limit=20)

    assert [row[1:6] for row in past[:-1]] == [row[1:6] for row in one[:-1]] == [row[1:6] for row in future[:-1]]
    assert [row[0] for row in future] == [row[0] + 2 * length * MS_PER_MINUTE for row in one]


def test_paging_back_ends_at_the_first_candle():
    first = rows(FEED, "BTCUSDT", "1m", at(0), start_ms=0, limit=1)[0][0]

    assert rows(FEED, "BTCUSDT", "1m", at(0), start_ms=0, limit=2)[0][0] == first
    assert rows(FEED, "BTCUSDT", "1m", at(0), end_ms=first - 1) == []
    assert rows(FEED, "BTCUSDT", "1d", at(0), start_ms=0, limit=1000)[0][0] >= first


def test_bounds_of_klines_are_inclusive_and_the_limit_keeps_the_asked_end():
    between = rows(FEED, "BTCUSDT", "5m", at(0), start_ms=at(-60), end_ms=at(-30))
    oldest = rows(FEED, "BTCUSDT", "5m", at(0), start_ms=at(-60), limit=2)
    newest = rows(FEED, "BTCUSDT", "5m", at(0), end_ms=at(-30), limit=2)

    assert [row[0] for row in between] == list(range(at(-60), at(-30) + 1, 5 * MS_PER_MINUTE))
    assert oldest == between[:2]
    assert newest == between[-2:]
    assert rows(FEED, "BTCUSDT", "5m", at(0), start_ms=at(1)) == []
    assert rows(FEED, "BTCUSDT", "1m", at(0, 30), limit=1)[0][0] == at(0)


def test_gap_stays_a_gap_and_the_price_stands_at_the_last_close():
    feed = with_gap(10, 90)
    before = rows(feed, "BTCUSDT", "1m", at(10), start_ms=at(9), limit=1)[0]

    shown = [row[0] for row in rows(feed, "BTCUSDT", "1m", at(100), start_ms=at(5), limit=20)]

    assert shown == [at(minute) for minute in (*range(5, 10), *range(90, 101))]
    assert format(Decimal(feed.price("BTCUSDT", at(50, 12))).scaleb(-8), ".8f") == before[4]
    assert rows(feed, "BTCUSDT", "1m", at(50, 12), limit=1)[0] == before
    assert feed.average_price("BTCUSDT", at(50)) == Decimal(before[4])
    assert len(rows(feed, "BTCUSDT", "1m", at(95), limit=1000)) == 1000


def test_hour_that_is_missing_whole_is_missing_and_one_in_part_sums_the_rest():
    hour = (60 - REAL % 60) % 60
    feed = with_gap(hour - 30, hour + 60)

    shown = rows(feed, "BTCUSDT", "1h", at(hour + 130), start_ms=at(hour - 60), limit=5)

    assert [row[0] for row in shown] == [at(hour - 60), at(hour + 60), at(hour + 120)]
    parts = rows(feed, "BTCUSDT", "1m", at(hour + 130), start_ms=at(hour - 60), limit=30)
    assert shown[0][2] == max((row[2] for row in parts), key=Decimal)
    assert shown[0][3] == min((row[3] for row in parts), key=Decimal)
    assert shown[0][4] == parts[-1][4]


def test_override_moves_the_quote_and_leaves_the_candles():
    feed = Feed(RECORDING, ANCHOR, TICKS)
    candles = rows(feed, "BTCUSDT", "1m", at(3), limit=3)

    feed.override("BTCUSDT", Decimal("50000.00"))
    held = feed.quote("BTCUSDT", at(3))
    feed.override("BTCUSDT", None)

    assert (held.last, held.bid, held.ask, held.average) == tuple(
        map(Decimal, ("50000", "49997.5", "50002.5", "50000"))
    )
    assert rows(feed, "BTCUSDT", "1m", at(3), limit=3) == candles
    assert feed.quote("BTCUSDT", at(3)) == FEED.quote("BTCUSDT", at(3))


@pytest.mark.parametrize("spread_bps", ["0", "1", "25"])
def test_bid_and_ask_are_ticks_apart_around_the_price(spread_bps):
    feed = Feed(RECORDING, ANCHOR, TICKS, spread_bps=Decimal(spread_bps))

    for symbol, tick in TICKS.items():
        quote = feed.quote(symbol, at(1, 30))
        assert quote.bid < quote.last < quote.ask
        assert quote.bid % tick == quote.ask % tick == 0
        assert quote.ask - quote.bid <= quote.last * Decimal(spread_bps) / 10_000 + 2 * tick


def test_recorded_numbers_arrive_exactly():
    for symbol, candles in RECORDING.candles.items():
        for name in ("open", "close", "volume"):
            texts = [row[name] for row in recorded(symbol)]
            assert getattr(candles, name).tolist() == [int(Decimal(text).scaleb(8)) for text in texts]
        assert np.all(candles.low <= np.minimum(candles.open, candles.close))
