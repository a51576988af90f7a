"""Laws of exits, limits and wishes, held against recorded crashes, the outage and random prices (S5, S7, T9-T12)."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.decide import decide, protection_plan
from bots.exits import ExitSettings, tightest_stop
from bots.limits import Day, Limits, Record
from bots.situation import Wish
from bots.strategies import Signal
from bots.tests.test_decide import FLAT, QUIET, RISING, SETUP
from bots.tests.walks import (
    CRASH,
    FUTURES_RULES,
    MINUTE,
    OUTAGE,
    Held,
    Shelf,
    held_positions,
    reached,
    recorded,
    walks,
)
from bots.types import LASTING, STATUS_OF, Reason, Status
from market.types import Side

laws = settings(max_examples=60, deadline=None)
TIGHT = Limits(0, Decimal(1), Decimal(1), Decimal(1), 1)
HINDERED = {
    "limits": {"day": Day(99, Decimal(-(10**6))), "record": Record(Decimal(99), 99)},
    "target": {"day": Day(0, Decimal(10**6))},
    **{reason.name: {"lockout": reason, "lockout_text": "a person has to look"} for reason in LASTING},
    "reducing": {"account_state": "reducing", "hold": "the platform is reducing"},
    "key": {"key_error": "the key may not trade"},
    "books": {"is_reconciled": False},
    "doubt": {"order_in_doubt": True},
    "terms": {"terms_agreed": False, "terms_trouble": "another leverage is in force"},
}
BLIND = (Reason.STALE_DATA, Reason.PRICE_FETCH, Reason.STRATEGY_ERROR, Reason.EXCHANGE_COOLDOWN)
hindrances = st.sets(st.sampled_from(sorted(HINDERED)))
troubles = st.sampled_from([Reason.NONE, *BLIND])


def hindered(standing, names, *, now):
    """Everything that may keep a bot from entering; it closed a position a moment ago, too."""
    changes = {name: value for key in sorted(names) for name, value in HINDERED[key].items()}
    return replace(standing, closed_at=now, **changes)


@laws
@given(held_positions)
def test_the_tightest_stop_never_moves_against_the_position_and_never_goes_away(held):
    before = None
    for _, _, standing in held.walk():
        level = tightest_stop(
            held.setup.exits, side=held.side, entry_price=held.entry_price, best_price=standing.best_price
        )
        assert before is None or (level is not None and (level - before) * held.side.sign >= 0)
        before = level


@laws
@given(held_positions)
def test_the_stop_at_the_exchange_never_loosens_and_what_was_placed_is_left_in_peace(held):
    shelf = Shelf()
    for _, market, standing in held.walk():
        before = shelf.stops
        standing = shelf.follow(held.setup, market, standing)
        for leg, price in shelf.stops.items():
            assert leg not in before or (price - before[leg]) * held.side.sign >= 0
        assert set(before) <= set(shelf.stops)
        assert not protection_plan(held.setup, market.rules, standing)


@laws
@given(held_positions, hindrances, troubles, st.sampled_from([Wish.RUN, Wish.STOP]))
def test_a_position_leaves_when_a_stop_or_target_is_reached_and_not_before_whatever_stands_against_entries(
    held, names, trouble, wish
):
    setup = replace(held.setup, wish=wish, limits=TIGHT, cooldown_minutes=60)
    prices = []
    for tick, market, standing in held.walk():
        prices.append(tick.price)
        decision = decide(setup, replace(market, trouble=trouble), hindered(standing, names, now=tick.at), now=tick.at)
        if not reached(held, prices):
            assert decision.act is None
            continue
        act = decision.act
        assert act is not None
        assert (act.is_entry, act.side, act.quantity) == (
            False,
            held.side.opposite,
            market.rules.tradable(held.quantity),
        )
        assert (decision.status, decision.reason) == (Status.RUNNING, Reason.NONE)


@laws
@given(held_positions, hindrances, st.sampled_from([Wish.RUN, Wish.STOP, Wish.FLATTEN]), st.booleans())
def test_only_a_halt_or_a_silence_that_the_exchange_asked_for_keeps_a_position_and_says_so(held, names, wish, halted):
    setup = replace(held.setup, wish=wish, limits=TIGHT)
    stands = {"account_state": "halted", "hold": "the user is halted"} if halted else {"account_cooling": True}
    reason = Reason.KILL_SWITCH if halted else Reason.EXCHANGE_COOLDOWN
    prices = []
    for tick, market, standing in held.walk():
        prices.append(tick.price)
        standing = replace(hindered(standing, names - {"reducing"}, now=tick.at), **stands)
        decision = decide(setup, market, standing, now=tick.at)
        assert decision.act is None
        if wish is Wish.FLATTEN or reached(held, prices):
            assert (decision.status, decision.reason) == (STATUS_OF[reason], reason)


@laws
@given(held_positions, hindrances, troubles, st.sampled_from(Signal))
def test_a_stopped_bot_without_exits_gives_no_order_and_wants_nothing_at_the_exchange(held, names, trouble, signal):
    setup = replace(held.setup, wish=Wish.STOP, exits_when_stopped=False)
    for tick, market, standing in held.walk():
        view = replace(market, trouble=trouble, signal=signal, left_long_at=tick.at, left_short_at=tick.at)
        decision = decide(setup, view, hindered(standing, names, now=tick.at), now=tick.at)
        assert (decision.status, decision.has_work) == (Status.STOPPED, False)


@laws
@given(walks, st.sampled_from([Wish.STOP, Wish.FLATTEN]), hindrances, troubles, st.booleans())
def test_a_stopped_bot_that_holds_nothing_never_enters(ticks, wish, names, trouble, futures):
    setup = replace(SETUP, wish=wish, futures=futures)
    for tick in ticks:
        for signal in Signal:
            view = replace(RISING, signal=signal, price=tick.price, candle_close_at=tick.at, trouble=trouble)
            decision = decide(setup, view, hindered(FLAT, names, now=tick.at), now=tick.at)
            assert (decision.status, decision.has_work) == (Status.STOPPED, False)


@laws
@given(held_positions, hindrances, troubles)
def test_a_bot_that_is_to_be_flat_leaves_at_any_price(held, names, trouble):
    setup = replace(held.setup, wish=Wish.FLATTEN, exits_when_stopped=False, limits=TIGHT)
    for tick, market, standing in held.walk():
        view = replace(market, trouble=trouble)
        act = decide(setup, view, hindered(standing, names, now=tick.at), now=tick.at).act
        assert act is not None
        assert (act.is_entry, act.side) == (False, held.side.opposite)


@given(
    percent=st.decimals(min_value="0.01", max_value="0.54", places=2),  # the fall from 28080.00 to 27925.59 is 0.55
    kind=st.sampled_from(["stop_loss", "trailing_stop", "take_profit"]),
    entered=st.integers(1, 60),
)
def test_the_first_price_after_the_outage_ends_a_position_whose_level_it_jumped_over(percent, kind, entered):
    ticks = recorded(OUTAGE)
    last = next(at for at, tick in enumerate(ticks) if ticks[at + 1].at - tick.at > MINUTE)
    side = Side.SELL if kind == "take_profit" else Side.BUY
    setup = replace(SETUP, exits=ExitSettings(**{f"{kind}_percent": percent}), futures=side is Side.SELL)
    quantity = side.sign * FUTURES_RULES.lot_size * 10
    held = Held(setup, ticks[last - entered : last + 2], side, quantity)

    decisions = []
    for tick, market, standing in held.walk():
        decisions.append(decide(setup, market, standing, now=tick.at))
    silent, standing = held.ticks[-2], replace(standing, best_price=held.ticks[-2].price)
    blind = replace(QUIET, price=silent.price, trouble=Reason.STALE_DATA, rules=market.rules)
    meanwhile = [decide(setup, blind, standing, now=silent.at + ago * MINUTE) for ago in range(1, 80)]

    assert ticks[last + 1].at - ticks[last].at == 81 * MINUTE
    assert [decision.act for decision in decisions[:-1]] == [None] * entered
    assert {(decision.act, decision.reason) for decision in meanwhile} == {(None, Reason.STALE_DATA)}
    assert decisions[-1].act is not None
    assert decisions[-1].act.key == kind


@pytest.mark.parametrize("day", [CRASH, OUTAGE])
def test_the_recorded_days_are_what_they_are_said_to_be(day):
    ticks = recorded(day)

    assert (len(ticks), len({tick.at for tick in ticks})) == ((1440, 1440) if day == CRASH else (1360, 1360))
