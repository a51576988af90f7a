import numpy as np
import pytest

from bots.strategies import STRATEGIES, Signal
from bots.tests import by_hand
from bots.tests.recorded import candles_of
from market.types import Side

EMA_RSI = STRATEGIES["ema_rsi"]


def read(closes, **parameters):
    return EMA_RSI.read(candles_of(closes), EMA_RSI.complete(parameters))


@pytest.mark.parametrize(("fast", "slow", "rsi"), [(9, 21, 14), (3, 8, 7), (50, 190, 30)])
def test_indicators_equal_an_independent_computation(fast, slow, rsi):
    closes = list(100 + np.cumsum(np.random.default_rng(7).normal(size=1000)))

    reading = read(closes, ema_fast=fast, ema_slow=slow, rsi_period=rsi)

    assert reading.indicators["ema_fast"] == pytest.approx(by_hand.ema(closes, fast)[-1], rel=1e-9)
    assert reading.indicators["ema_slow"] == pytest.approx(by_hand.ema(closes, slow)[-1], rel=1e-9)
    assert reading.indicators["rsi"] == pytest.approx(by_hand.rsi(closes, rsi)[-1], rel=1e-9)


def test_the_crossing_up_enters_once_and_the_crossing_down_leaves():
    falling, rising = list(np.linspace(100, 90, 60)), list(np.linspace(90, 110, 60))
    closes = falling + rising + list(np.linspace(110, 85, 60))

    signals = read(closes, rsi_overbought=99.9, rsi_oversold=0.01).signals

    entries = np.flatnonzero(signals == Signal.ENTER_LONG)
    leaves = np.flatnonzero((signals == Signal.ENTER_SHORT) | (signals == Signal.EXIT_LONG))
    assert len(entries) == 1
    assert 60 < entries[0] < 80
    assert leaves[-1] > 120


def test_with_entry_on_the_state_every_candle_above_enters():
    closes = np.linspace(90, 110, 120) + np.tile([0.3, -0.3], 60)

    state = read(closes, entry="state", rsi_overbought=99.9).signals
    crossing = read(closes, entry="crossing", rsi_overbought=99.9).signals

    assert np.count_nonzero(state == Signal.ENTER_LONG) > 80
    assert np.count_nonzero(crossing == Signal.ENTER_LONG) < 5


def test_an_overbought_market_is_not_entered_but_a_short_is_left():
    closes = list(np.linspace(100, 90, 60)) + list(np.linspace(90, 130, 60))

    signals = read(closes, rsi_overbought=30, rsi_oversold=10).signals

    assert Signal.ENTER_LONG not in signals
    crossing = np.flatnonzero(signals == Signal.EXIT_SHORT)
    assert len(crossing) == 1
    assert not Signal.EXIT_SHORT.leaves(Side.BUY)


def test_the_text_tells_the_indicator_values():
    text = read(np.linspace(90, 110, 120)).text

    assert text.startswith("EMA fast 109.3")
    assert "> EMA slow" in text
    assert text.endswith("RSI 100.0, no crossing")


@pytest.mark.parametrize(
    ("last", "parameters", "told"),
    [
        (100, {"rsi_overbought": 99.9}, "a long entry"),
        (100, {"rsi_overbought": 30, "rsi_oversold": 10}, "crossed up; at this RSI nothing is entered"),
        (80, {}, "no crossing"),
    ],
)
def test_the_text_tells_why_nothing_is_entered(last, parameters, told):
    assert read([*np.linspace(100, 90, 120), last], **parameters).text.endswith(told)


def test_the_text_tells_that_the_rsi_blocks_a_state():
    text = read(np.linspace(90, 110, 120), entry="state").text

    assert text.endswith("RSI 100.0, at this RSI nothing is entered")


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ({"ema_fast": 21, "ema_slow": 9}, "ema_fast: 21 must be below ema_slow 9."),
        ({"ema_fast": 9, "ema_slow": 9}, "ema_fast: 9 must be below ema_slow 9."),
        ({"ema_fast": 1}, "ema_fast: 1 is below the minimum 2."),
        ({"ema_slow": 191}, "ema_slow: 191 is above the maximum 190."),
        ({"ema_fast": "9"}, "ema_fast: '9' is no whole number."),
        ({"ema_fast": 9.5}, "ema_fast: 9.5 is no whole number."),
        ({"ema_fast": True}, "ema_fast: True is no whole number."),
        ({"rsi_overbought": float("nan")}, "rsi_overbought: nan is no number."),
        ({"rsi_oversold": 80}, "rsi_oversold: 80 must be below rsi_overbought 70."),
        ({"entry": "maybe"}, "entry: 'maybe' is none of crossing, state."),
        ({"colour": 1}, "colour: ema_rsi has no such parameter."),
    ],
)
def test_a_fault_names_the_parameter_the_value_and_the_bound(parameters, fault):
    assert EMA_RSI.faults(parameters) == [fault]
