"""What is true of every strategy: it sees no future, survives any market, has bounds, and a page that tells them."""

import json
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.strategies import STRATEGIES, Signal
from bots.tests.recorded import RECORDINGS, candles_of, part, recorded
from market.candles import LIMIT

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
EVERY_STRATEGY = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=lambda strategy: strategy.name)
BY_THE_MARKET = pytest.mark.parametrize(
    "strategy",
    [item for item in STRATEGIES.values() if not (item.adds or item.listens)],
    ids=lambda strategy: strategy.name,
)
BOUNDS = [
    pytest.param(strategy, parameter, bound, id=f"{strategy.name}-{parameter.name}-{bound}")
    for strategy in STRATEGIES.values()
    for parameter in strategy.parameters
    for bound in ("minimum", "maximum")
    if getattr(parameter, bound) is not None
]
SHAPES = ["walk", "ticks", "flat", "halts", "jumps", "tiny", "huge", "no volume", "a price is missing"]


def values_of(parameter):
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    numbers = st.integers if parameter.kind is int else st.floats
    return numbers(parameter.minimum, parameter.maximum)


@st.composite
def parameters_of(draw, strategy):
    """Anything the bounds allow; where two contradict each other, defaults take over one by one."""
    found = {parameter.name: draw(values_of(parameter)) for parameter in strategy.parameters}
    for parameter in draw(st.permutations(strategy.parameters)):
        if not strategy.faults(found):
            break
        found[parameter.name] = parameter.default
    return found


@st.composite
def markets(draw):
    """Candles of a market that moves, hardly moves, halts, jumps, or is broken."""
    shape, count = draw(st.sampled_from(SHAPES)), draw(st.integers(1, LIMIT - 1))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    steps = random.normal(size=count) * 0.001
    if shape == "ticks":
        steps = np.round(steps / 0.001) * 0.001
    elif shape == "flat":
        steps[:] = 0
    elif shape == "halts":
        steps[random.random(count) < 0.9] = 0
        steps[count // 3 : count // 2] = 0
    elif shape == "jumps":
        steps[random.random(count) < 0.02] *= 1_000
    closes = {"tiny": 1e-8, "huge": 1e9}.get(shape, 63_120.5) * np.exp(np.cumsum(steps))
    if shape == "a price is missing":
        closes[random.integers(count)] = np.nan
    volume = random.random(count) * (random.random(count) < 0.7) * (shape != "no volume")
    return candles_of(closes, spread=closes[0] * draw(st.sampled_from([0.0, 0.0005])), volume=volume)


@EVERY_STRATEGY
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_cutting_off_the_future_changes_no_past_signal(strategy, data):
    candles, parameters = data.draw(markets()), data.draw(parameters_of(strategy))
    whole = strategy.read(candles, parameters).signals

    for length in data.draw(st.lists(st.integers(1, len(candles)), min_size=3, max_size=3)):
        past = strategy.read(part(candles, 0, length), parameters)

        assert np.array_equal(past.signals, whole[:length])
        assert past.last == Signal(int(whole[length - 1]))


@EVERY_STRATEGY
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_market_gives_a_whole_reading(strategy, data):
    candles, parameters = data.draw(markets()), data.draw(parameters_of(strategy))

    reading = strategy.read(candles, parameters)

    assert (reading.signals.dtype, reading.signals.shape) == (np.int8, (len(candles),))
    assert {*reading.signals.tolist()} <= {*Signal}
    assert len(reading.text) < 200
    assert "nan" not in reading.text
    json.dumps(reading.indicators, allow_nan=False)


@BY_THE_MARKET
@pytest.mark.parametrize("count", [1, 999])
@pytest.mark.parametrize("price", [0.1, 63_120.57])
def test_a_market_that_never_moved_signals_nothing_and_says_so(strategy, count, price):
    reading = strategy.read(candles_of(np.full(count, price)), strategy.complete({}))

    assert not reading.signals.any()
    assert reading.text.endswith("undefined: too little history, or a market that does not move")


@BY_THE_MARKET
def test_recorded_candles_are_entered_both_ways(strategy):
    readings = [strategy.read(recorded(*recording), strategy.complete({})) for recording in RECORDINGS]

    assert {Signal.ENTER_LONG, Signal.ENTER_SHORT} <= {*chain(*(reading.signals.tolist() for reading in readings))}


@EVERY_STRATEGY
def test_older_candles_than_it_needs_change_no_signal(strategy):
    parameters = strategy.complete({})
    needed = strategy.candles_needed(parameters)
    candles = recorded("spot", "BTCUSDT", count=2_000)

    for end in range(LIMIT - 1, 2_000, 17):
        long = strategy.read(part(candles, end - LIMIT + 1, end), parameters)
        short = strategy.read(part(candles, end - needed, end), parameters)

        assert short.last == long.last


@EVERY_STRATEGY
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_there_are_always_as_many_candles_as_it_needs(strategy, data):
    assert strategy.candles_needed(data.draw(parameters_of(strategy))) < LIMIT


@EVERY_STRATEGY
def test_the_largest_parameters_need_no_more_candles_than_there_are(strategy):
    largest = {item.name: item.default if item.choices else item.maximum for item in strategy.parameters}

    assert strategy.candles_needed(largest) < LIMIT


@EVERY_STRATEGY
def test_its_defaults_are_valid_and_every_parameter_has_help_and_bounds(strategy):
    assert strategy.faults({}) == []
    assert strategy.faults(strategy.complete({})) == []
    for parameter in strategy.parameters:
        assert parameter.help.endswith(".")
        assert parameter.choices or (parameter.minimum is not None and parameter.maximum is not None)


@EVERY_STRATEGY
def test_an_unknown_parameter_is_refused(strategy):
    assert strategy.faults({"colour": 1}) == [f"colour: {strategy.name} has no such parameter."]


@pytest.mark.parametrize(("strategy", "parameter", "bound"), BOUNDS)
def test_what_is_beyond_a_bound_is_refused_with_name_value_and_bound(strategy, parameter, bound):
    limit = getattr(parameter, bound)
    beyond = parameter.kind(limit) + (1 if bound == "maximum" else -1)

    side = "below the minimum" if bound == "minimum" else "above the maximum"
    assert strategy.faults({parameter.name: beyond}) == [f"{parameter.name}: {beyond} is {side} {limit:g}."]


CONTRADICTIONS = [
    ("rsi_reversion", {"rsi_oversold": 70}, "rsi_oversold: 70 must be below rsi_overbought 70."),
    ("rsi_reversion", {"rsi_exit_long": 30}, "rsi_oversold: 30 must be below rsi_exit_long 30."),
    ("rsi_reversion", {"rsi_exit_short": 70}, "rsi_exit_short: 70 must be below rsi_overbought 70."),
    ("rsi_reversion", {"rsi_exit_short": 51}, "rsi_exit_short: 51 must be at most rsi_exit_long 50."),
    ("macd", {"macd_fast": 26}, "macd_fast: 26 must be below macd_slow 26."),
    ("donchian", {"exit_period": 21}, "exit_period: 21 must be at most entry_period 20."),
]


@pytest.mark.parametrize(("name", "parameters", "fault"), CONTRADICTIONS)
def test_parameters_that_contradict_each_other_are_refused(name, parameters, fault):
    assert STRATEGIES[name].faults(parameters) == [fault]
