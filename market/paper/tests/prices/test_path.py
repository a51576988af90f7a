from hypothesis import given
from hypothesis import strategies as st

from market.paper.prices.path import STEPS, minute_path

SEEDS = st.text(max_size=20)
AMOUNTS = st.integers(0, 1000)


@given(st.integers(1, 10**13), AMOUNTS, AMOUNTS, st.floats(0, 1), st.integers(1, 100), SEEDS)
def test_path_starts_at_the_open_touches_both_extremes_and_ends_at_the_close(low, up, more, part, tick, seed):
    bar = {"opened": low + up, "close": low + int(more * part), "low": low, "high": low + max(up, more)}

    for path in minute_path(seed, tick=tick, **bar):
        assert len(path) == STEPS
        assert (path[0], path[-1]) == (bar["opened"], bar["close"])
        assert (path.min(), path.max()) == (bar["low"], bar["high"])


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.integers(1, 100), SEEDS)
def test_last_price_is_on_the_tick_when_the_bar_is(first, second, third, fourth, tick, seed):
    low, opened, close, high = ((1000 + n) * tick for n in sorted((first, second, third, fourth)))

    path = minute_path(seed, opened=opened, high=high, low=low, close=close, tick=tick)

    assert not (path.last % tick).any()


def test_rising_minute_goes_to_its_low_first_and_a_falling_one_to_its_high():
    rising = minute_path("x", opened=100, high=130, low=90, close=120, tick=1).last
    falling = minute_path("x", opened=120, high=130, low=90, close=100, tick=1).last

    assert rising.argmin() < rising.argmax()
    assert falling.argmax() < falling.argmin()


def test_mark_price_is_the_last_price_without_its_wobble():
    way = minute_path("x", opened=100_000, high=130_000, low=90_000, close=120_000, tick=1)
    turns = (abs(values[2:] - 2 * values[1:-1] + values[:-2]) > 2 for values in way)

    wobbling, straight = (int(turn.sum()) for turn in turns)

    assert straight <= 4
    assert wobbling > 200
    assert abs(way.last - way.mark).max() <= 40_000 * 0.08 + 1


def test_another_seed_is_another_way_and_the_same_seed_the_same():
    bar = {"opened": 100_000, "high": 130_000, "low": 90_000, "close": 120_000, "tick": 1}

    one, again, other = (minute_path(seed, **bar) for seed in ("BTCUSDT 5", "BTCUSDT 5", "BTCUSDT 6"))

    assert one.last.tolist() == again.last.tolist()
    assert one.last.tolist() != other.last.tolist()
