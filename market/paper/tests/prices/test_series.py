from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from market.paper.engine.amounts import text
from market.paper.prices.feed import Feed
from market.paper.prices.intervals import INTERVALS, MINUTES, MS_PER_DAY
from market.paper.prices.recording import MS_PER_MINUTE
from market.paper.tests.prices.feeds import (
    ANCHOR,
    FEED,
    FUTURES_FEED,
    REAL,
    SPOT,
    at,
    of_bitcoin,
    recorded,
    rows,
    with_gap,
    without_volume,
)

LENGTH = SPOT.length


def summed(minutes: list[dict[str, str]]) -> list[Decimal]:
    """Open, high, low, close and volume of recorded minutes, the obvious way."""
    return [
        Decimal(minutes[0]["open"]),
        max(Decimal(minute["high"]) for minute in minutes),
        min(Decimal(minute["low"]) for minute in minutes),
        Decimal(minutes[-1]["close"]),
        sum(Decimal(minute["volume"]) for minute in minutes),
    ]


def opening(interval: str, moment: datetime) -> datetime:
    """When the calendar candle around a moment opens, the obvious way."""
    day = moment.replace(hour=0, minute=0)
    if interval == "1M":
        return day.replace(day=1)
    if interval == "1w":
        return day - timedelta(days=day.weekday())
    return day - timedelta(days=(day - datetime(1970, 1, 1, tzinfo=UTC)).days % 3)


@pytest.mark.parametrize("symbol", FEED.symbols)
@pytest.mark.parametrize("interval", ["1m", "3m", "5m", "15m", "30m", "1h", "4h", "1d"])
def test_candles_equal_the_sums_of_the_recorded_minutes(symbol, interval):
    size = MINUTES[interval]
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
        assert [Decimal(amount) for amount in row[1:6]] == summed(minutes)
        assert all(len(amount.partition(".")[2]) == 8 for amount in (*row[1:6], row[7]))


@pytest.mark.parametrize("interval", ["3d", "1w", "1M"])
def test_calendar_candles_equal_the_sums_of_the_minutes_they_replay(interval):
    file = recorded("ETHUSDT")
    now = at(100_000)

    shown = rows(FEED, "ETHUSDT", interval, now, limit=4)

    assert len(shown) == 4
    for row, following in pairwise(shown):
        first, end = row[0] // MS_PER_MINUTE, following[0] // MS_PER_MINUTE
        replayed = [file[(20_000 + minute - REAL) % LENGTH] for minute in range(first, end)]
        assert row[6] == following[0] - 1
        assert [Decimal(amount) for amount in row[1:6]] == summed(replayed)


@pytest.mark.parametrize("interval", ["3d", "1w", "1M"])
def test_calendar_candles_open_when_the_calendar_says(interval):
    shown = rows(FEED, "BTCUSDT", interval, at(0), limit=1000)

    opens = [datetime.fromtimestamp(row[0] / 1000, UTC) for row in shown]

    assert len(shown) >= 32
    assert opens == [opening(interval, moment + timedelta(hours=5)) for moment in opens]
    assert all(b - a <= timedelta(days=31) for a, b in pairwise(opens))
    assert [row[6] + 1 for row in shown[:-1]] == [row[0] for row in shown[1:]]


ZONES = [8 * 60, -(5 * 60 + 30), 14 * 60, -12 * 60]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("interval", ["1s", "1m", "30m", "1h", "4h", "1d", "3d", "1w", "1M"])
def test_candles_of_a_time_zone_open_by_its_clocks_and_sum_up_the_minutes_in_them(interval, zone):
    ahead = timedelta(minutes=zone)
    file = recorded("ETHUSDT")
    now = at(100_000, 7)

    shown = rows(FEED, "ETHUSDT", interval, now, limit=4, zone_ms=zone * MS_PER_MINUTE)

    assert len(shown) == 4
    assert shown[-1][0] <= now <= shown[-1][6]
    for row, following in pairwise(shown):
        there = datetime.fromtimestamp(row[0] / 1000, UTC) + ahead
        if interval in ("3d", "1w", "1M"):
            assert there == opening(interval, there)
        else:
            assert int(there.timestamp() * 1000) % INTERVALS[interval].width_ms == 0
        assert row[6] == following[0] - 1
        if interval != "1s":
            first, end = row[0] // MS_PER_MINUTE, following[0] // MS_PER_MINUTE
            replayed = [file[(20_000 + minute - REAL) % LENGTH] for minute in range(first, end)]
            assert [Decimal(amount) for amount in row[1:6]] == summed(replayed)


@pytest.mark.parametrize("interval", ["1d", "1w", "1M"])
def test_open_candle_of_a_time_zone_has_what_happened_since_it_opened(interval):
    now = at(100_000, 7)

    (row,) = rows(FEED, "ETHUSDT", interval, now, limit=1, zone_ms=8 * 60 * MS_PER_MINUTE)
    minutes = rows(FEED, "ETHUSDT", "1m", now, limit=50_000, start_ms=row[0])

    assert minutes[0][0] == row[0]
    assert (row[1], row[4]) == (minutes[0][1], minutes[-1][4])
    assert row[2] == max((minute[2] for minute in minutes), key=Decimal)
    assert Decimal(row[5]) == sum(Decimal(minute[5]) for minute in minutes)


def test_candles_of_a_time_zone_page_without_a_gap_and_apart_from_those_of_utc():
    zone_ms = 8 * 60 * MS_PER_MINUTE
    now = at(100_000)

    newest = rows(FEED, "BTCUSDT", "1d", now, limit=30, zone_ms=zone_ms)
    since = rows(FEED, "BTCUSDT", "1d", now, limit=10, start_ms=newest[0][0] - 1, zone_ms=zone_ms)
    plain = rows(FEED, "BTCUSDT", "1d", now, limit=30)

    assert since == newest[:10]
    assert {row[0] % MS_PER_DAY for row in newest} == {16 * 60 * MS_PER_MINUTE}
    assert {row[0] % MS_PER_DAY for row in plain} == {0}


@pytest.mark.parametrize("feed", [FEED, FUTURES_FEED], ids=["spot", "futures"])
def test_every_interval_is_served_and_seconds_on_spot_only(feed):
    expected = set(INTERVALS) - ({"1s"} if feed is FUTURES_FEED else set())

    shown = {interval for interval in feed.intervals if len(rows(feed, "SOLUSDT", interval, at(5), limit=3)) == 3}

    assert shown == set(feed.intervals) == expected


def test_seconds_of_a_minute_sum_up_to_it():
    (minute,) = rows(FEED, "BTCUSDT", "1m", at(5), start_ms=at(3), limit=1)
    seconds = rows(FEED, "BTCUSDT", "1s", at(5), start_ms=at(3), end_ms=at(3, 59))
    columns = list(zip(*seconds, strict=True))

    assert len(seconds) == 60
    assert [row[0] for row in seconds] == [at(3, second) for second in range(60)]
    assert [row[6] for row in seconds] == [at(3, second) + 999 for second in range(60)]
    assert (columns[1][0], columns[4][-1]) == (minute[1], minute[4])
    assert (max(columns[2], key=Decimal), min(columns[3], key=Decimal)) == (minute[2], minute[3])
    for column in (5, 7, 8):
        assert sum(map(Decimal, columns[column])) == Decimal(minute[column])


def test_seconds_are_found_across_a_gap_and_from_either_end():
    feed = with_gap(10, 90)

    newest = rows(feed, "BTCUSDT", "1s", at(90, 2), limit=10)
    oldest = rows(feed, "BTCUSDT", "1s", at(95), start_ms=at(9, 57), limit=5)

    assert [row[0] for row in newest] == [*(at(9, s) for s in range(53, 60)), at(90), at(90, 1), at(90, 2)]
    assert [row[0] for row in oldest] == [at(9, 57), at(9, 58), at(9, 59), at(90), at(90, 1)]


@pytest.mark.parametrize("kind", ["last", "mark", "index"])
@pytest.mark.parametrize("interval", ["1s", "1m", "15m", "1d", "1w", "1M"])
def test_open_candle_is_the_last_row_and_grows_into_the_closed_one(interval, kind):
    feed = FEED if interval == "1s" else FUTURES_FEED
    scale = INTERVALS[interval]
    bucket = scale.bucket(at(0))
    first, end = scale.open_ms(bucket), scale.open_ms(bucket + 1)
    seen = []
    for moment in sorted({first + (end - first) * part // 7 for part in range(7)} | {end - 1}):
        row = rows(feed, "XRPUSDT", interval, moment, limit=2, kind=kind)[-1]
        quote = feed.quote("XRPUSDT", moment)
        assert row[0] == first
        assert Decimal(row[3]) <= Decimal(row[4]) <= Decimal(row[2])
        assert Decimal(row[4]) == Decimal(text(quote.mark if kind == "mark" else quote.last))
        seen.append(row)
    closed = rows(feed, "XRPUSDT", interval, end, limit=2, kind=kind)[0]

    for earlier, later in pairwise(seen):
        assert Decimal(earlier[2]) <= Decimal(later[2])
        assert Decimal(earlier[3]) >= Decimal(later[3])
        assert Decimal(earlier[5]) <= Decimal(later[5])
    assert seen[-1] == closed


@pytest.mark.parametrize("interval", ["1s", "1m", "1h", "3d", "1M"])
def test_candle_now_is_the_open_candle_of_the_klines(interval):
    moment = at(17, 23.4)

    candle = FEED.candle_now("SOLUSDT", interval, moment)
    row = rows(FEED, "SOLUSDT", interval, moment, limit=1)[0]

    bar, taker = candle.bar, (candle.taker_volume, candle.taker_quote_volume)
    amounts = [text(amount) for amount in (bar.open, bar.high, bar.low, bar.close, bar.volume)]
    assert row[:7] == [candle.open_ms, *amounts, candle.close_ms]
    assert row[7:11] == [text(bar.quote_volume), bar.trades, *map(text, taker)]


def test_mark_candles_have_the_prices_of_the_last_ones_and_no_volume():
    last, mark = (rows(FUTURES_FEED, "BTCUSDT", "5m", at(5), limit=50, kind=kind)[:-1] for kind in ("last", "mark"))

    assert [list(map(Decimal, row[1:5])) for row in last] == [list(map(Decimal, row[1:5])) for row in mark]
    assert all(row[5] == row[7] == row[9] == row[10] == row[11] == "0" and row[8] == 300 for row in mark)
    assert all(len(row[1].partition(".")[2]) == 8 for row in mark)


def test_futures_candles_are_written_with_the_decimals_of_the_symbol():
    for symbol, price, volume in (("BTCUSDT", 2, 3), ("XRPUSDT", 4, 1)):
        for row in rows(FUTURES_FEED, symbol, "1h", at(0), limit=5):
            decimals = [len(amount.partition(".")[2]) for amount in (*row[1:6], row[7], row[9], row[10])]
            assert decimals == [price] * 4 + [volume, price + volume, volume, price + volume]


def test_loop_wraps_backwards_before_the_beginning_and_forwards_after_the_end():
    one = rows(FEED, "BTCUSDT", "1h", at(0), limit=20)
    past = rows(FEED, "BTCUSDT", "1h", at(-3 * LENGTH), limit=20)
    future = rows(FEED, "BTCUSDT", "1h", at(2 * LENGTH), limit=20)

    assert [row[1:6] for row in past[:-1]] == [row[1:6] for row in one[:-1]] == [row[1:6] for row in future[:-1]]
    assert [row[0] for row in future] == [row[0] + 2 * LENGTH * MS_PER_MINUTE for row in one]


@pytest.mark.parametrize("interval", ["1s", "1m", "1d", "3d", "1w", "1M"])
def test_paging_back_ends_at_the_first_candle(interval):
    first = rows(FEED, "BTCUSDT", interval, at(0), start_ms=0, limit=1)[0][0]

    assert rows(FEED, "BTCUSDT", interval, at(0), start_ms=0, limit=2)[0][0] == first
    assert rows(FEED, "BTCUSDT", interval, at(0), end_ms=first - 1) == []
    assert 0 <= first - (at(0) - 1000 * MS_PER_DAY) < 31 * MS_PER_DAY


def test_bounds_of_klines_are_inclusive_and_the_limit_keeps_the_asked_end():
    between = rows(FEED, "BTCUSDT", "5m", at(0), start_ms=at(-60), end_ms=at(-30))
    oldest = rows(FEED, "BTCUSDT", "5m", at(0), start_ms=at(-60), limit=2)
    newest = rows(FEED, "BTCUSDT", "5m", at(0), end_ms=at(-30), limit=2)

    assert [row[0] for row in between] == list(range(at(-60), at(-30) + 1, 5 * MS_PER_MINUTE))
    assert oldest == between[:2]
    assert newest == between[-2:]
    assert rows(FEED, "BTCUSDT", "5m", at(0), start_ms=at(1)) == []
    assert rows(FEED, "BTCUSDT", "1m", at(0, 30), limit=1)[0][0] == at(0)


def test_gap_stays_a_gap():
    feed = with_gap(10, 90)
    before = rows(feed, "BTCUSDT", "1m", at(10), start_ms=at(9), limit=1)[0]

    shown = [row[0] for row in rows(feed, "BTCUSDT", "1m", at(100), start_ms=at(5), limit=20)]

    assert shown == [at(minute) for minute in (*range(5, 10), *range(90, 101))]
    assert rows(feed, "BTCUSDT", "1m", at(50, 12), limit=1)[0] == before
    assert feed.candle_now("BTCUSDT", "1m", at(50, 12)) is None
    assert len(rows(feed, "BTCUSDT", "1m", at(95), limit=1000)) == 1000


def test_minutes_without_volume_are_there_with_zeros():
    feed = without_volume(10, 90)

    shown = rows(feed, "BTCUSDT", "1m", at(91), start_ms=at(9), end_ms=at(90))

    assert len(shown) == 82
    assert {row[5] for row in shown[1:-1]} == {row[7] for row in shown[1:-1]} == {"0.00000000"}
    assert {row[8] for row in shown[1:-1]} == {0}
    assert feed.candle_now("BTCUSDT", "1m", at(50)).bar.volume == 0


def test_hour_that_is_missing_whole_is_missing_and_one_in_part_sums_the_rest():
    hour = (60 - REAL % 60) % 60
    feed = with_gap(hour - 30, hour + 60)

    shown = rows(feed, "BTCUSDT", "1h", at(hour + 130), start_ms=at(hour - 60), limit=5)

    assert [row[0] for row in shown] == [at(hour - 60), at(hour + 60), at(hour + 120)]
    parts = rows(feed, "BTCUSDT", "1m", at(hour + 130), start_ms=at(hour - 60), limit=30)
    assert shown[0][2] == max((row[2] for row in parts), key=Decimal)
    assert shown[0][3] == min((row[3] for row in parts), key=Decimal)
    assert shown[0][4] == parts[-1][4]


def test_day_is_the_last_24_hours_with_the_open_minute():
    hours = rows(FEED, "ETHUSDT", "1m", at(0, 59.9), limit=1000, start_ms=at(-1439))
    rest = rows(FEED, "ETHUSDT", "1m", at(0, 59.9), limit=1000, start_ms=hours[-1][0] + 1)

    day = FEED.day("ETHUSDT", at(0, 59.9))

    minutes = hours + rest
    assert len(minutes) == 1440
    assert text(day.open) == minutes[0][1]
    assert text(day.high) == max((row[2] for row in minutes), key=Decimal)
    assert text(day.close) == minutes[-1][4]
    assert Decimal(text(day.volume)) == sum(Decimal(row[5]) for row in minutes)
    assert day.trades == sum(row[8] for row in minutes)


def test_sums_beyond_64_bits_are_exact():
    candles = SPOT.candles["BTCUSDT"]
    huge = np.full(LENGTH, 10**15 + 1, dtype=np.int64)  # ten million a minute: 4.3 times 2**63 in a month
    feed = Feed(of_bitcoin(SPOT, replace(candles, quote_volume=huge * 100)), ANCHOR)

    month = rows(feed, "BTCUSDT", "1M", at(100_000), limit=3)[1]

    minutes = (month[6] + 1 - month[0]) // MS_PER_MINUTE
    assert month[7] == text(minutes * (10**17 + 100))
    assert feed.day("BTCUSDT", at(0, 59.99)).quote_volume == 1440 * (10**17 + 100)
    assert rows(feed, "BTCUSDT", "1d", at(0), limit=2)[0][7] == text(1440 * (10**17 + 100))
