"""Candles that are fetched once and then grow: what is asked for, and what is never believed."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.candles import StaleData, candles_key, closed_candles
from market.feed.copies import HEADER, MOST, Copy
from market.tests.streaming import MINUTE_MS, StreamingExchange, candle
from market.types import Candles, Environment, Market, Series, milliseconds

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BTC = Series(Environment.PAPER, Market.SPOT, "BTCUSDT", "1m")
WHOLE = 1000


@pytest.fixture
def exchange(streaming: StreamingExchange) -> StreamingExchange:
    """An exchange with 1,200 candles, the last of which is open at noon and those that follow."""
    streaming.will(candle(at(minute)) for minute in range(-1200, 1))
    return streaming


def at(minute: int) -> int:
    """The open time of a candle, so many minutes after noon."""
    return milliseconds(NOON) + minute * MINUTE_MS


def read(exchange: StreamingExchange, minute: int = 0) -> Candles:
    """What is read so many minutes after noon, when one more candle is open."""
    exchange.will(candle(at(each)) for each in range(minute + 1) if at(each) not in exchange.rows)
    return closed_candles(BTC, now=NOON + minute * MINUTE)


def without(exchange: StreamingExchange, *minutes: int) -> None:
    """Let the exchange have no candles of these minutes, now and later."""
    for minute in minutes:
        exchange.rows.pop(at(minute), None)


def copy_of(redis) -> Copy:
    return Copy.unpack(redis.get(candles_key(BTC)), BTC)


@pytest.mark.parametrize(("later", "limit"), [(1, 1 + 3), (2, 2 + 3), (96, 99), (97, WHOLE), (500, WHOLE)], ids=str)
def test_only_what_is_missing_is_asked_for_with_the_open_one_and_two_again(exchange, later, limit):
    read(exchange)

    candles = read(exchange, later)

    assert exchange.limits == [WHOLE, limit]
    assert candles.close_at(MINUTE) == NOON + later * MINUTE
    assert len(candles) == MOST
    assert (np.diff(candles.open_time_ms) == MINUTE_MS).all()


def test_a_copy_that_has_grown_is_what_a_whole_one_would_be(exchange, redis):
    for minute in range(4):
        grown = read(exchange, minute)

    redis.flushdb()
    whole = read(exchange, 3)

    assert exchange.limits == [WHOLE, 4, 4, 4, WHOLE]
    for name in ("open_time_ms", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(grown, name), getattr(whole, name))


@pytest.mark.parametrize("minute", [-1, -2])
def test_a_candle_that_the_exchange_has_corrected_makes_all_be_fetched_anew(exchange, minute):
    read(exchange)
    exchange.will([candle(at(minute), "1.9")])

    candles = read(exchange, 1)

    assert exchange.limits == [WHOLE, 4, WHOLE]
    assert candles.close[minute - 1] == 1.9


def test_a_gap_that_the_exchange_fills_is_filled_with_the_next_candle(exchange):
    without(exchange, -10)
    read(exchange)
    exchange.will([candle(at(-10))])

    candles = read(exchange, 1)

    assert exchange.limits == [WHOLE, WHOLE]
    assert (np.diff(candles.open_time_ms) == MINUTE_MS).all()


def test_a_gap_that_stays_is_asked_for_three_times_and_then_believed(exchange, redis):
    """As that of 2023-03-24, when the exchange stood still for hours."""
    without(exchange, *range(-200, -80))

    for minute in range(6):
        candles = read(exchange, minute)

    assert exchange.limits == [WHOLE, WHOLE, WHOLE, 4, 4, 4]
    assert copy_of(redis).gap_ms == at(-201)
    assert np.diff(candles.open_time_ms).max() == 121 * MINUTE_MS


def test_a_new_gap_is_asked_for_at_once_and_not_for_ever(exchange):
    read(exchange)
    exchange.will(candle(at(minute)) for minute in (1, 5, 6, 7, 8, 9, 10))
    exchange.will = lambda rows: None  # nothing fills it

    for minute in range(6, 11):
        closed_candles(BTC, now=NOON + minute * MINUTE)

    assert exchange.limits == [WHOLE, 9, WHOLE, WHOLE, WHOLE, 4, 4]


def test_a_gap_that_has_left_the_window_is_forgotten(exchange, redis):
    without(exchange, -990)
    for minute in range(12):
        read(exchange, minute)

    assert copy_of(redis).gap_ms == 0


def torn(packed: bytes) -> bytes:
    return packed[:-48]


def flipped(packed: bytes) -> bytes:
    return packed[:5000] + bytes([packed[5000] ^ 1]) + packed[5001:]


def with_another_gap(packed: bytes) -> bytes:
    return packed[:8] + b"\x01" + packed[9:]


def of_another_series(packed: bytes) -> bytes:
    other = Series(Environment.PAPER, Market.SPOT, "ETHUSDT", "1m")
    return Copy(other, Copy.unpack(packed, BTC).rows).pack()


@pytest.mark.parametrize(
    "damage", [torn, flipped, with_another_gap, of_another_series, lambda _: b"", lambda packed: packed[: HEADER.size]]
)
def test_a_damaged_or_foreign_copy_is_never_used(exchange, redis, damage):
    right = read(exchange)
    redis.set(candles_key(BTC), damage(redis.get(candles_key(BTC))))

    candles = read(exchange)

    assert exchange.limits == [WHOLE, WHOLE]
    assert np.array_equal(candles.close, right.close)
    assert len(copy_of(redis).rows) == MOST


def out_of_order(exchange: StreamingExchange) -> None:
    exchange.rows[at(-3)][0], exchange.rows[at(-4)][0] = at(-4), at(-3)


def doubled(exchange: StreamingExchange) -> None:
    exchange.rows[at(-3)][0] = at(-4)


def with_price(price: str, column: int):
    def spoil(exchange: StreamingExchange) -> None:
        exchange.rows[at(-3)][column] = price

    return spoil


SPOILED = [out_of_order, doubled, *(with_price(price, 4) for price in ("NaN", "0", "-3", "Infinity", "-Infinity"))]
SPOILED += [with_price("0", column) for column in (1, 2, 3)] + [with_price("-1", 5), with_price("NaN", 5)]


@pytest.mark.parametrize("spoil", SPOILED)
@pytest.mark.parametrize("has_copy", [False, True])
def test_nonsense_of_the_exchange_is_stale_data_is_not_kept_and_passes_by_itself(exchange, redis, spoil, has_copy):
    if has_copy:
        read(exchange, -3)
    kept = redis.get(candles_key(BTC))
    spoil(exchange)

    with pytest.raises(StaleData):
        read(exchange)
    assert redis.get(candles_key(BTC)) == kept

    exchange.will(candle(at(minute)) for minute in (-4, -3))
    assert read(exchange).close[-3:].tolist() == [1.5, 1.5, 1.5]


def test_the_open_candle_may_be_anything_because_nobody_reads_it(exchange):
    exchange.will([candle(at(0), "0")])

    assert read(exchange).close_at(MINUTE) == NOON


def test_a_caller_whose_clock_is_behind_does_not_throw_away_what_is_there(exchange, redis):
    read(exchange, 1)
    kept = redis.get(candles_key(BTC))

    before = closed_candles(BTC, now=NOON + MINUTE - timedelta(milliseconds=1))

    assert before.close_at(MINUTE) == NOON
    assert redis.get(candles_key(BTC)) == kept
    assert exchange.limits == [WHOLE]


@given(st.integers(1, MOST), st.data())
def test_a_flipped_bit_anywhere_is_noticed(count, data):
    rows = np.column_stack([at(0) + MINUTE_MS * np.arange(count), *(np.full(count, 1.5) for _ in range(5))])
    packed = bytearray(Copy(BTC, rows).pack())
    bit = data.draw(st.integers(0, 8 * len(packed) - 1))
    packed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(ValueError, match=r"checksum|no candles"):
        Copy.unpack(bytes(packed), BTC)
