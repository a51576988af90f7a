"""The sieve of a tick says what `decide` says: along walks, and at prices exactly at a level and a tick beside it."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bots.exits import ExitSettings, stop_levels, target_price
from bots.limits import Day, Limits
from bots.situation import Wish
from bots.strategies import Signal
from bots.tests.sieves import Case, disagreements, held_against
from bots.tests.test_decide import CLOSE, FLAT, LONG, QUIET, RISING, SETUP
from bots.tests.test_laws import HINDERED, TIGHT, hindered, hindrances, troubles
from bots.tests.walks import FUTURES_RULES, MINUTE, Shelf, exit_settings, held_positions
from bots.types import STATUS_OF, Reason, Status
from market.rounding import round_down
from market.tests.factories import NOON
from market.types import Side
from trades.checks.market import SIGNAL_VALID_FOR

CLOSED = NOON - CLOSE
wishes = st.sampled_from(Wish)
ages = st.sampled_from([CLOSED, SIGNAL_VALID_FOR, SIGNAL_VALID_FOR + MINUTE / 60_000, 60 * MINUTE])
befores = st.none() | st.sampled_from([(status, reason) for reason, status in STATUS_OF.items()])


@settings(max_examples=60, deadline=None)
@given(held_positions, hindrances, troubles, wishes, befores, *[st.booleans()] * 4, st.sampled_from(Signal), ages)
def test_of_a_position_along_its_walk_the_sieve_says_what_the_rule_says(
    held, names, trouble, wish, before, protected, exits_when_stopped, adds, paused, signal, age
):
    setup = replace(held.setup, wish=wish, limits=TIGHT, exits_when_stopped=exits_when_stopped)
    setup = replace(setup, adds=adds and not setup.futures, entries_paused=paused)
    shelf, cases = Shelf(), []
    for _, market, standing in held.walk():
        if protected:
            standing = shelf.follow(setup, market, standing)
        view = replace(market, trouble=trouble, candle_close_at=NOON - age)
        view = view if trouble else replace(view, signal=signal)
        cases.append(Case(setup, view, hindered(standing, names, now=NOON), before))

    assert disagreements(cases, now=NOON) == []


def near(level, tick):
    """The level, on the tick and off it, and a tick to both sides."""
    below = round_down(level, tick)
    return [level, below - tick, below, below + tick, below + 2 * tick]


@settings(max_examples=200, deadline=None)
@given(
    exits=exit_settings,
    side=st.sampled_from(Side),
    futures=st.booleans(),
    entry=st.sampled_from([1, 4]).flatmap(
        lambda places: st.decimals(min_value=20_000, max_value=60_000, places=places)
    ),
    best_percent=st.decimals(min_value=0, max_value=12, places=1),
    wish=st.sampled_from([Wish.RUN, Wish.STOP]),
)
def test_at_a_level_and_a_tick_beside_it_the_sieve_says_what_the_rule_says(
    exits, side, futures, entry, best_percent, wish
):
    rules = FUTURES_RULES if futures or side is Side.SELL else QUIET.rules
    setup = replace(SETUP, exits=exits, futures=rules.is_futures, wish=wish)
    best = round_down(target_price(entry, side, best_percent), rules.tick_size)
    standing = replace(LONG, quantity=side.sign * 40 * rules.lot_size, entry_price=entry, best_price=best)
    levels = [level for _, level in stop_levels(exits, side=side, entry_price=entry, best_price=best)]
    levels += [target_price(entry, side, step.gain_percent) for step in exits.targets]
    if exits.break_even_percent is not None:  # from here on it counts
        levels.append(target_price(entry, side, exits.break_even_percent))
    market = replace(QUIET, rules=rules)
    standing = Shelf().follow(setup, market, standing)
    prices = [price for level in [entry, best, *levels] for price in near(level, rules.tick_size)]

    assert disagreements([Case(setup, replace(market, price=price), standing) for price in prices], now=NOON) == []


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(["stop_loss", "trailing_stop", "take_profit"]),
    percent=st.integers(1, 9),
    side=st.sampled_from(Side),
)
def test_a_tick_before_a_level_the_sieve_lets_the_bot_go_and_at_the_level_it_never_does(kind, percent, side):
    entry, rules = Decimal("50000.0333"), FUTURES_RULES  # an average: no level is on a tick, where rounding is in doubt
    setup = replace(SETUP, exits=ExitSettings(**{f"{kind}_percent": Decimal(percent)}), futures=True)
    standing = replace(LONG, quantity=side.sign * 10 * rules.lot_size, entry_price=entry, best_price=entry)
    market = replace(QUIET, rules=rules)
    standing = Shelf().follow(setup, market, standing)
    away = side if kind == "take_profit" else side.opposite
    level = entry * (1 + away.sign * Decimal(percent) / 100)
    prices = [level - away.sign * rules.tick_size, level, level + away.sign * rules.tick_size]

    decisions, sifted = held_against(
        [Case(setup, replace(market, price=price), standing) for price in prices], now=NOON
    )

    assert [bool(decision.act) for decision in decisions] == [False, True, True]
    assert sifted.unsure.tolist() == [False, True, True]


def test_a_fresh_signal_to_sell_a_part_is_never_let_go_and_an_old_one_is():
    market = replace(QUIET, signal=Signal.REDUCE_LONG)
    setup = replace(SETUP, exits=ExitSettings())
    closes = [CLOSE, NOON - SIGNAL_VALID_FOR, NOON - SIGNAL_VALID_FOR - MINUTE / 60_000]

    decisions, sifted = held_against(
        [Case(setup, replace(market, candle_close_at=at), LONG) for at in closes], now=NOON
    )

    assert [bool(decision.act) for decision in decisions] == [True, True, False]
    assert sifted.unsure.tolist() == [True, True, False]


percents = st.none() | st.decimals(min_value="0.1", max_value=5, places=2)


@settings(max_examples=300, deadline=None)
@given(
    limits=st.builds(Limits, st.none() | st.integers(0, 3), percents, percents),
    trades=st.integers(0, 4),
    signal=st.sampled_from(Signal),
    trouble=troubles,
    names=st.sets(st.sampled_from(sorted(set(HINDERED) - {"limits", "target"}))),
    states=st.tuples(wishes, befores, st.sampled_from(["active", "active", "halted"]), *[st.booleans()] * 3),
    cooldown=st.sampled_from([0, 1, 60]),
)
def test_of_a_flat_bot_at_its_limits_the_sieve_says_what_the_rule_says(
    limits, trades, signal, trouble, names, states, cooldown
):
    wish, before, hold, cooling, futures, paused = states
    setup = replace(SETUP, limits=limits, wish=wish, cooldown_minutes=cooldown, futures=futures, entries_paused=paused)
    rules = FUTURES_RULES if futures else QUIET.rules
    bounds = [Decimal(0)]
    bounds += [-setup.initial_capital * limits.max_daily_loss_perc / 100] if limits.max_daily_loss_perc else []
    bounds += [setup.initial_capital * limits.daily_target_perc / 100] if limits.daily_target_perc else []
    cases = []
    for closed_at in (None, NOON - cooldown * MINUTE, min(NOON, NOON - cooldown * MINUTE + MINUTE / 60_000)):
        for pnl in (bound + Decimal(off) for bound in bounds for off in ("0", "-1e-8", "1e-8", "-1", "1")):
            standing = replace(FLAT, account_cooling=cooling, terms_agreed=True)
            standing = hindered(standing, names, now=NOON)
            standing = replace(standing, closed_at=closed_at, day=Day(trades, pnl), record=None)
            if hold == "halted":
                standing = replace(standing, account_state=hold, hold="the user is halted")
            market = replace(RISING, signal=signal, trouble=trouble, rules=rules)
            cases += [Case(setup, market, standing, was) for was in (before, (Status.WAITING, Reason.COOLING_DOWN))]

    assert disagreements(cases, now=NOON) == []
