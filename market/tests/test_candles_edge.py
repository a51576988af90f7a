"""Candles that nothing may trade on, and an exchange whose clock is not quite ours."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from market.candles import StaleData, closed_candles, unbroken
from market.tests.servers import Behaviour, answer
from market.types import Candles, Environment, Market, Series, milliseconds

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BTC = Series(Environment.PAPER, Market.SPOT, "BTCUSDT", "1m")
KLINES = "/api/v3/klines"


def klines(until: datetime, *, count: int = 5, close: str = "1.5") -> Behaviour:
    """Candles of whole minutes, the last of them open at ``until``."""
    opens = [milliseconds(until) // 60_000 * 60_000 - 60_000 * ago for ago in reversed(range(count))]
    return answer([[at, "1", "2", "0.5", close, "10", at + 59_999] for at in opens])


def test_a_candle_that_is_still_open_for_the_exchange_is_waited_for(exchange):
    behind = NOON - timedelta(milliseconds=300)
    exchange.will(KLINES, klines(behind, close="1.4"), klines(NOON + timedelta(milliseconds=200)))

    candles = closed_candles(BTC, now=NOON)

    assert candles.close_at(MINUTE) == NOON
    assert candles.close[-1] == 1.5  # not the price at which it stood while it was open
    assert len(exchange.asked(KLINES)) == 2


def test_a_quiet_symbol_without_a_younger_candle_is_taken_when_its_minute_is_surely_over(exchange):
    exchange.will(KLINES, klines(NOON - MINUTE))

    candles = closed_candles(BTC, now=NOON)

    assert candles.close_at(MINUTE) == NOON
    assert len(exchange.asked(KLINES)) == 3  # at once, after half a second, after a second


def test_a_second_after_the_close_nothing_is_waited_for(exchange):
    exchange.will(KLINES, klines(NOON - MINUTE))

    closed_candles(BTC, now=NOON + timedelta(seconds=1))

    assert len(exchange.asked(KLINES)) == 1


def test_a_candle_that_is_missing_just_after_its_close_is_waited_for(exchange):
    exchange.will(KLINES, klines(NOON - 2 * MINUTE), klines(NOON))

    candles = closed_candles(BTC, now=NOON + timedelta(seconds=2))

    assert candles.close_at(MINUTE) == NOON


def test_a_candle_that_stays_missing_is_stale_data(exchange):
    exchange.will(KLINES, klines(NOON - 2 * MINUTE))

    with pytest.raises(StaleData, match="closed 62 s ago"):
        closed_candles(BTC, now=NOON + timedelta(seconds=2))

    assert len(exchange.asked(KLINES)) == 4


@pytest.mark.parametrize("seconds", [5, 59])
def test_a_candle_missing_long_after_its_close_is_stale_at_once(exchange, seconds):
    exchange.will(KLINES, klines(NOON - 2 * MINUTE))

    with pytest.raises(StaleData):
        closed_candles(BTC, now=NOON + timedelta(seconds=seconds))

    assert len(exchange.asked(KLINES)) == 1


def test_no_candles_at_all_are_stale_data(exchange):
    exchange.will(KLINES, answer([]))

    with pytest.raises(StaleData):
        closed_candles(BTC, now=NOON)


def series_of(count: int = 50) -> np.ndarray:
    """Rows of unbroken minutes."""
    opens = milliseconds(NOON) + 60_000 * np.arange(count)
    return np.column_stack([opens, *(np.full(count, price) for price in (1.0, 2.0, 0.5, 1.5, 10.0))])


def require(rows: np.ndarray, needed: int = 30) -> None:
    unbroken(Candles.from_rows(rows), interval=MINUTE).require(needed)


def refusal(rows: np.ndarray, needed: int = 30) -> str:
    with pytest.raises(StaleData) as caught:
        require(rows, needed)
    return str(caught.value)


def test_unbroken_candles_are_let_through():
    require(series_of(30))


def test_too_short_a_history_is_refused_with_both_numbers():
    assert refusal(series_of(29)) == "29 candles of history, 30 are needed"


@pytest.mark.parametrize(("missing", "intervals_ago"), [(-2, 1), (-10, 9), (-29, 28)])
def test_a_gap_among_the_needed_candles_is_refused_and_told(missing, intervals_ago):
    rows = np.delete(series_of(), missing, axis=0)

    assert refusal(rows) == f"candles are missing {intervals_ago} intervals before the last one"


def test_a_gap_before_the_needed_candles_is_none():
    rows = np.delete(series_of(), -31, axis=0)

    require(rows)


def test_candles_of_another_interval_are_refused():
    assert "missing" in refusal(series_of()[::2], needed=20)


@pytest.mark.parametrize("order", [slice(None, None, -1), [*range(48), 48, 48], [*range(48), 49, 48]])
def test_candles_out_of_order_or_twice_are_refused(order):
    assert "missing" in refusal(series_of()[order])


@pytest.mark.parametrize("shift_ms", [1, 30_000, -1])
def test_candles_that_begin_between_two_minutes_are_refused(shift_ms):
    rows = series_of()
    rows[:, 0] += shift_ms

    assert refusal(rows) == "the candles do not begin when their interval does"


@pytest.mark.parametrize(("column", "value"), [(1, 2.01), (4, 2.01), (1, 0.49), (4, 0.49), (2, 0.4), (3, 2.1)])
@pytest.mark.parametrize("row", [-1, -30])
def test_a_price_beyond_its_candles_high_or_low_is_refused(row, column, value):
    rows = series_of()
    rows[row, column] = value

    assert refusal(rows) == "a candle has a price above its high or below its low"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0])
@pytest.mark.parametrize("column", [1, 2, 3, 4])
@pytest.mark.parametrize("row", [-1, -30])
def test_a_price_that_is_no_positive_number_is_refused(row, column, value):
    rows = series_of()
    rows[row, column] = value

    assert refusal(rows) == "a candle has a price that is no positive number"


def test_a_bad_price_before_the_needed_candles_does_no_harm():
    rows = series_of()
    rows[-31, 4] = np.nan

    require(rows)
