"""When the grid buys and sells: by examples, and against a walk from level to level in plain Python."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.strategies import STRATEGIES, Signal
from bots.strategies.grid import levels_of
from bots.tests import by_hand
from bots.tests.recorded import RECORDINGS, candles_of, part, recorded
from market.candles import LIMIT

GRID = STRATEGIES["grid"]
ACTS = {Signal.NOTHING: 0, Signal.ENTER_LONG: 1, Signal.REDUCE_LONG: -1}
TENS = {"lower": 80, "upper": 120, "levels": 5}  # 80, 90, 100, 110, 120
# Ranges that a recording crosses often: closes leave them both ways.
RANGES = {"BTCUSDT": (93_650, 97_050), "XRPUSDT": (2.1, 2.41), "SOLUSDT": (174, 178)}


def read(closes, **given):
    parameters = GRID.complete(given)
    assert GRID.faults(parameters) == []
    return GRID.read(closes if hasattr(closes, "close") else candles_of(closes), parameters)


def acts(closes, **given):
    """1 for each candle that buys a lot, -1 for each that sells one."""
    return [ACTS[Signal(int(signal))] for signal in read(closes, **given).signals]


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        # Bought at a level, sold at the one above.
        ([105, 95, 105, 115], [0, 1, 0, -1]),
        # A price that dances on a level trades there once.
        ([105, 99, 101, 99, 101, 99, 101], [0, 1, 0, 0, 0, 0, 0]),
        # After a sale at a level the next purchase is at the one below.
        ([95, 105, 99, 105, 99, 89], [0, -1, 0, 0, 0, 1]),
        # A level is reached by a close at it, and left by one below it.
        ([105, 100, 99.9, 109.9, 110], [0, 0, 1, 0, -1]),
        # One lot for each candle, at the furthest of the levels that it crosses.
        ([119, 81, 91, 101, 111], [0, 1, 0, -1, -1]),
        # The candles that leave the range act on its edge; outside there are no levels.
        ([85, 79, 50, 70, 79], [0, 1, 0, 0, 0]),
        ([115, 121, 150, 130, 121], [0, -1, 0, 0, 0]),
        # Coming back into it trades nothing: a lot of the highest level could not be sold, the lowest has none to sell.
        ([70, 85], [0, 0]),
        ([130, 115], [0, 0]),
        ([130, 115, 105], [0, 0, 1]),
        # From beyond one edge to beyond the other.
        ([130, 70], [0, 1]),
        ([70, 130], [0, -1]),
        # A price that is missing crosses nothing.
        ([105, np.nan, 95, 85], [0, 0, 0, 1]),
    ],
)
def test_when_it_buys_and_when_it_sells(closes, expected):
    assert acts(closes, **TENS) == expected


def test_a_level_that_was_crossed_long_ago_is_traded_at_again():
    closes = [105, 99, *[99] * 4, 101]

    assert acts(closes, **TENS, memory_candles=4)[-1] == -1
    assert acts(closes, **TENS, memory_candles=5)[-1] == 0


def test_it_says_where_the_price_is_and_which_level_it_crossed():
    assert read([105, 95], **TENS).text == "close 95 between the levels 90 and 100, fallen below 100"
    assert read([105, 111], **TENS).text == "close 111 between the levels 110 and 120, risen to 110 or more"
    assert read([105, 105], **TENS).text == "close 105 between the levels 100 and 110, no new level is crossed"
    assert read([85, 79], **TENS).text == "close 79 below the lowest level 80, fallen below 80"
    assert read([85, 120], **TENS).text == "close 120 not below the highest level 120, risen to 120 or more"
    assert read([105], **TENS).indicators == {"close": 105, "level_below": 100, "level_above": 110}
    assert read([130], **TENS).indicators == {"close": 130, "level_below": 120}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"lower": 100_000}, "lower: 100000 must be below upper 100000."),
        ({"lower": 2, "upper": 1}, "lower: 2 must be below upper 1."),
        (
            {"levels": 200},
            "levels: 200 levels from 90000 to 100000 come as close to each other as 0.0503 percent, which must be above"
            " the 0.2003 percent that a purchase and its sale cost in fees.",
        ),
        (
            {"lower": 100, "upper": 100.2003, "levels": 2},
            "levels: 2 levels from 100 to 100.2 come as close to each other as 0.2003 percent, which must be above"
            " the 0.2003 percent that a purchase and its sale cost in fees.",
        ),
    ],
)
def test_a_grid_that_can_earn_nothing_is_refused(given, fault):
    assert GRID.faults(given) == [fault]


def test_a_level_just_wide_enough_earns_a_little_after_fees():
    given = {"lower": 100, "upper": 100.201, "levels": 2}
    coins = 1 / given["lower"] * (1 - 0.001)  # for one unit of money, less the fee, which is taken from the coins

    earned = coins * given["upper"] * (1 - 0.001)

    assert GRID.faults(given) == []
    assert 1 < earned < 1.00001


@settings(max_examples=300, deadline=None)
@given(
    lower=st.floats(1e-6, 1e6),
    ratio=st.floats(1.01, 50),
    count=st.integers(2, 200),
    spacing=st.sampled_from(["arithmetic", "geometric"]),
)
def test_its_levels_equal_those_by_hand(lower, ratio, count, spacing):
    parameters = {"lower": lower, "upper": lower * ratio, "levels": count, "spacing": spacing}

    found, expected = levels_of(parameters), by_hand.grid_levels(lower, lower * ratio, count, spacing)

    np.testing.assert_allclose(found, expected, rtol=1.1e-11, atol=0)  # the last of 12 digits may go either way


def test_round_levels_are_the_very_prices():
    levels = levels_of({"lower": 0.1, "upper": 0.2, "levels": 11, "spacing": "arithmetic"})

    assert levels.tolist() == [0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18, 0.19, 0.2]


@pytest.mark.parametrize("spacing", ["arithmetic", "geometric"])
@pytest.mark.parametrize("count", [2, 6])
@pytest.mark.parametrize("memory", [2, 240])
@pytest.mark.parametrize(("market", "symbol"), RECORDINGS)
def test_on_recorded_candles_it_trades_where_the_walk_by_hand_does(market, symbol, memory, count, spacing):
    candles, (lower, upper) = recorded(market, symbol, count=3_000), RANGES[symbol]
    levels = by_hand.grid_levels(lower, upper, count, spacing)

    found = acts(candles, lower=lower, upper=upper, levels=count, spacing=spacing, memory_candles=memory)

    expected = by_hand.grid(candles.close.tolist(), levels, memory)
    assert found == expected
    assert {*expected} == {0, 1, -1} or count == 2


def test_the_reference_trades_of_the_defaults():
    signals = read(recorded("spot", "BTCUSDT")).signals

    assert {at: ACTS[Signal(int(signals[at]))] for at in np.flatnonzero(signals).tolist()} == {
        50: -1,
        506: 1,
        566: 1,
        603: -1,
        838: -1,
    }


@st.composite
def dances(draw):
    """A price in steps of 2.5 up and down, so that it meets levels exactly, too."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    count = draw(st.integers(2, LIMIT - 1))
    steps = random.choice([-5, -2, -2, *[-1] * 5, *[0] * 6, *[1] * 5, 2, 2, 5], size=count)
    return candles_of(100 + 2.5 * np.clip(np.cumsum(steps), -20, 20))


grids = st.fixed_dictionaries(
    {
        "lower": st.sampled_from([80, 90.0, 97.5]),
        "upper": st.sampled_from([105, 120.0, 130]),
        "levels": st.integers(2, 6),
        "spacing": st.sampled_from(["arithmetic", "geometric"]),
        "memory_candles": st.integers(2, 40),
    }
)


@settings(max_examples=200, deadline=None)
@given(candles=dances(), given_=grids, data=st.data())
def test_it_trades_where_the_walk_does_sees_no_future_and_needs_no_more_candles_than_it_says(candles, given_, data):
    whole = read(candles, **given_)
    levels = levels_of(given_).tolist()
    assert acts(candles, **given_) == by_hand.grid(candles.close.tolist(), levels, given_["memory_candles"])

    for end in data.draw(st.lists(st.integers(1, len(candles)), min_size=5, max_size=5)):
        past = read(part(candles, 0, end), **given_)
        recent = read(part(candles, max(end - GRID.candles_needed(given_), 0), end), **given_)

        assert np.array_equal(past.signals, whole.signals[:end])
        assert recent.last == Signal(int(whole.signals[end - 1]))
        assert recent.text == past.text


@settings(max_examples=200, deadline=None)
@given(candles=dances(), given_=grids)
def test_what_is_traded_next_is_at_another_level(candles, given_):
    """And after a purchase a sale is at a level above."""
    given_ |= {"memory_candles": 900}
    levels = levels_of(given_)
    closes, signals = candles.close, read(candles, **given_).signals
    traded = []
    for at in np.flatnonzero(signals):
        crossed = levels[(levels <= max(closes[at - 1 : at + 1])) & (levels > min(closes[at - 1 : at + 1]))]
        is_purchase = signals[at] == Signal.ENTER_LONG
        traded.append((is_purchase, crossed.min() if is_purchase else crossed.max()))
    for (bought, level), (buys, other) in pairwise(traded):
        assert level != other
        if bought and not buys:
            assert other > level
