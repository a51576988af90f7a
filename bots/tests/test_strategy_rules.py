"""When each strategy enters, when it leaves, and what it does not do."""

from itertools import pairwise

import numpy as np
import pytest

from bots.strategies import STRATEGIES, Signal
from bots.tests.recorded import candles_of

LONG, SHORT, NOTHING = Signal.ENTER_LONG, Signal.ENTER_SHORT, Signal.NOTHING
LEAVE_LONG, LEAVE_SHORT = Signal.EXIT_LONG, Signal.EXIT_SHORT


def read(name, closes, *, spread=0.0, volume=1.0, **parameters):
    strategy = STRATEGIES[name]
    assert strategy.faults(parameters) == []
    return strategy.read(candles_of(closes, spread=spread, volume=volume), strategy.complete(parameters))


def where(reading, signal):
    return np.flatnonzero(reading.signals == signal).tolist()


def changes(reading):
    """The signals in order, each that follows itself only once."""
    return [Signal(int(signal)) for signal in reading.signals[np.flatnonzero(np.diff(reading.signals, prepend=99))]]


def line(*points, steps=40):
    """A price that goes straight from point to point."""
    parts = [np.linspace(a, b, steps, endpoint=False) for a, b in pairwise(points)]
    return np.concatenate([*parts, points[-1:]])


def trembling(closes):
    """The same with a little up and down, so that there is a deviation to measure."""
    return closes + np.tile([0.2, -0.2], len(closes))[: len(closes)]


# RSI reversion


def test_rsi_reversion_enters_on_the_way_back_and_leaves_at_the_exit_level():
    reading = read("rsi_reversion", trembling(line(100, 101, 80, 100)))

    (entered,) = where(reading, LONG)
    left = min(at for at in where(reading, LEAVE_LONG) if at > entered)
    assert reading.signals[entered - 1] == LEAVE_SHORT  # as oversold as it was, no long entry on the way down
    assert 80 < entered < left


def test_rsi_reversion_does_not_enter_where_it_would_leave_at_once():
    fall_and_leap = [*trembling(line(100, 80)), 120]

    reading = read("rsi_reversion", fall_and_leap)

    assert where(reading, LONG) == []
    assert reading.last == LEAVE_LONG
    assert reading.text.endswith("nothing to enter; from 50 up no long position is kept")


# MACD


def test_macd_enters_each_way_at_the_turn_and_leaves_until_the_next():
    reading = read("macd", line(100, 98, 90, 110, 85, steps=60))

    assert where(reading, LONG)[0] in range(120, 130)
    assert where(reading, SHORT)[-1] in range(180, 190)
    assert changes(reading)[-5:] == [LEAVE_LONG, LONG, LEAVE_SHORT, SHORT, LEAVE_LONG]


def test_macd_with_the_trend_does_not_buy_below_zero():
    reading = read("macd", line(100, 98, 90, 110, 85, steps=60), entry="trend")

    assert where(reading, LONG) == []
    assert all(at < 70 for at in where(reading, SHORT))  # not at the turn at 180, above zero
    assert changes(reading)[-3:] == [LEAVE_LONG, LEAVE_SHORT, LEAVE_LONG]  # positions are left all the same


# Bollinger bands


def test_bollinger_buys_the_return_into_the_bands_and_leaves_at_the_middle():
    dip = [*trembling(np.full(40, 100.0)), 98, 99.4, 99.6, 100.5]

    reading = read("bollinger", dip)

    assert where(reading, LONG) == [41]
    assert reading.signals[40:].tolist() == [LEAVE_SHORT, LONG, LEAVE_SHORT, LEAVE_LONG]


def test_bollinger_does_not_buy_while_the_price_stays_below_the_band():
    reading = read("bollinger", [*trembling(np.full(40, 100.0)), 98, 96])

    assert where(reading, LONG) == []
    assert "bands" in reading.text


# Donchian channel


def test_donchian_enters_where_it_closes_beyond_the_candles_before():
    reading = read("donchian", [*trembling(np.full(30, 100.0)), 101, 102, 101.5, 99.7, 99])

    assert changes(reading) == [NOTHING, LONG, NOTHING, SHORT]
    assert (where(reading, LONG), where(reading, SHORT)) == ([30, 31], [33, 34])


def test_donchian_measures_by_highs_and_not_by_closes():
    reading = read("donchian", [*trembling(np.full(30, 100.0)), 101], spread=2)

    assert reading.last == NOTHING
    assert reading.text == "close 101, channel 97.8 to 102.2, no breakout"


def test_donchian_leaves_before_the_long_channel_breaks():
    rise_and_dip = [*line(100, 140), 130]

    reading = read("donchian", rise_and_dip, entry_period=30, exit_period=5)

    assert reading.last == LEAVE_LONG


# Supertrend


def test_supertrend_enters_at_each_turn_only():
    reading = read("supertrend", line(100, 80, 120, 90, steps=60), spread=0.5)

    assert len(where(reading, LONG)) == len(where(reading, SHORT)) == 1
    assert 60 < where(reading, LONG)[0] < 75
    assert 120 < where(reading, SHORT)[0] < 135
    assert reading.text.endswith("no turn; no long position is kept in a downward trend")


def test_the_first_trend_that_supertrend_sees_is_no_turn():
    reading = read("supertrend", line(100, 150, steps=100), spread=0.5)

    assert where(reading, LONG) == []
    assert reading.last == LEAVE_SHORT


# ADX trend


def test_adx_trend_enters_the_way_of_a_strong_trend_and_leaves_when_it_turns():
    reading = read("adx_trend", line(100, 90, 130, 110, steps=60), spread=0.5)

    (entered,) = where(reading, LONG)
    assert 60 < entered < 75
    assert reading.last == LEAVE_LONG
    assert min(at for at in where(reading, SHORT) if at > entered) > 120


def test_adx_trend_enters_no_market_without_a_trend():
    sideways = line(*[100, 101] * 20, steps=5)

    crossing = read("adx_trend", sideways, spread=0.5)
    state = read("adx_trend", sideways, spread=0.5, entry="state")

    assert {LONG, SHORT}.isdisjoint(changes(crossing)[1:])
    assert {LONG, SHORT}.isdisjoint(changes(state)[1:])
    assert "ADX not above 25" in crossing.text


def test_adx_trend_by_state_enters_on_every_candle_of_a_strong_trend():
    rising = line(100, 150, steps=100)

    assert len(where(read("adx_trend", rising, spread=0.5, entry="state"), LONG)) > 50
    assert len(where(read("adx_trend", rising, spread=0.5), LONG)) == 0


# VWAP reversion


def test_vwap_reversion_buys_the_return_and_leaves_at_the_average():
    dip = [*trembling(np.full(80, 100.0)), 97, 99.6, 99.7, 100.5]

    reading = read("vwap_reversion", dip, deviations=3)

    assert where(reading, LONG) == [81]
    assert reading.last == LEAVE_LONG


def test_vwap_reversion_goes_by_where_the_volume_was():
    volume = np.ones(84)
    volume[:60] = 1_000  # so the average is still where nobody trades any more
    closes = trembling(np.concatenate((np.full(60, 100.0), np.full(24, 90.0))))

    weighted = read("vwap_reversion", closes, volume=volume).indicators["vwap"]
    even = read("vwap_reversion", closes).indicators["vwap"]

    assert even == pytest.approx(96, abs=0.5)
    assert weighted > 99.5


def test_vwap_reversion_reads_a_year_as_it_reads_a_day():
    closes, few = np.tile(trembling(line(100, 90, 100)), 130), 999  # more than are worked out at a time

    many, newest = read("vwap_reversion", closes).lines["vwap"], read("vwap_reversion", closes[-few:]).lines["vwap"]

    assert len(many) == len(closes) > 10_000
    assert np.array_equal(many[-few + 60 :], newest[60:])
    for end in (9_999, 10_059, 10_060):  # around the end of the first part
        assert many[end] == read("vwap_reversion", closes[end - 60 : end + 1]).lines["vwap"][-1]


def test_vwap_reversion_without_volume_says_so_and_does_nothing():
    reading = read("vwap_reversion", trembling(line(100, 90, 100)), volume=0.0)

    assert not reading.signals.any()
    assert reading.text.startswith("vwap, deviations undefined")


# DCA


def test_dca_buys_with_the_first_candle_of_each_period_and_never_leaves():
    minutes = np.full(60 * 50, 100.0)

    reading = read("dca", minutes, every_hours=24)

    assert where(reading, LONG) == [24 * 60, 48 * 60]
    assert set(changes(reading)) == {NOTHING, LONG}
    assert reading.text == "close 100, fallen by 0.00 %, no purchase is due"


def test_dca_buys_a_dip_once_and_the_next_one_again():
    closes = [100, 100, 100, 100, 100, 102, 97, 96.8, 96.7, 98, 96.8, 90, 100]

    reading = read("dca", closes, buy_on="dip", dip_percent=5, dip_candles=5)

    assert where(reading, LONG) == [7, 11]


def test_dca_on_dips_only_does_not_look_at_the_clock():
    minutes = np.full(60 * 50, 100.0)

    assert where(read("dca", minutes, buy_on="dip"), LONG) == []
    assert where(read("dca", [*minutes, 80.0], buy_on="schedule"), LONG) == [24 * 60, 48 * 60]
