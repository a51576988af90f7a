"""What should rest at the exchange, and how to get there. Plain rules."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.exits import ExitSettings, Step
from bots.protection import Holding, Leg, Plan, Resting, plan, wanted_legs
from market.rules import rules_of
from market.tests.factories import entry
from market.types import Side

RULES = rules_of(entry())
FUTURES_RULES = replace(RULES, is_futures=True)
LONG = Holding(Side.BUY, Decimal("0.01"), entry_price=Decimal(50_000), best_price=Decimal(50_000))
SHORT = replace(LONG, side=Side.SELL)
STOP = ExitSettings(stop_loss_percent=Decimal(2))
BOTH = replace(STOP, take_profit_percent=Decimal(3))
STEPPED = replace(STOP, steps=(Step(Decimal(1), Decimal(50)), Step(Decimal(2), Decimal(50))))


def legs(settings, holding=LONG, taken=()):
    return [
        (leg.number, leg.quantity, leg.stop, leg.target) for leg in wanted_legs(settings, holding, RULES, taken=taken)
    ]


def resting(leg: Leg, start: int = 1, side: Side = Side.SELL) -> list[Resting]:
    kinds = [(True, leg.stop), (False, leg.target)]
    return [
        Resting(start + at, leg.number, is_stop, leg.quantity, price, side)
        for at, (is_stop, price) in enumerate(kinds)
        if price
    ]


def test_a_long_position_is_stopped_below_and_sold_with_profit_above():
    assert legs(BOTH) == [(0, Decimal("0.01000"), 49_000, 51_500)]


def test_a_short_position_is_stopped_above_and_bought_back_below():
    assert legs(BOTH, SHORT) == [(0, Decimal("0.01"), 51_000, 48_500)]


def test_nothing_rests_where_nothing_is_set():
    assert legs(ExitSettings()) == []


def test_each_step_of_the_take_profit_has_its_share_and_all_have_the_stop():
    assert legs(STEPPED) == [(0, Decimal("0.00500"), 49_000, 50_500), (1, Decimal("0.00500"), 49_000, 51_000)]


def test_a_step_that_was_taken_leaves_the_rest_to_the_others():
    half = replace(LONG, quantity=Decimal("0.005"))

    assert legs(STEPPED, half, taken={0}) == [(1, Decimal("0.00500"), 49_000, 51_000)]


def test_a_rest_after_the_last_step_keeps_its_stop():
    crumbs = replace(LONG, quantity=Decimal("0.001"))

    assert legs(STEPPED, crumbs, taken={0, 1}) == [(2, Decimal("0.00100"), 49_000, None)]


def test_a_share_below_the_filters_is_joined_to_the_next():
    small = replace(LONG, quantity=Decimal("0.00018"))  # 9 USDT, the minimum is 5

    assert legs(STEPPED, small) == [(1, Decimal("0.00018"), 49_000, 51_000)]


def test_orders_that_only_reduce_may_be_worth_as_little_as_they_like():
    small = replace(SHORT, quantity=Decimal("0.00018"))

    wanted = wanted_legs(STEPPED, small, FUTURES_RULES, taken=())

    assert [(leg.quantity, leg.stop, leg.target) for leg in wanted] == [
        (Decimal("0.00009"), 51_000, 49_500),
        (Decimal("0.00009"), 51_000, 49_000),
    ]


def test_a_share_below_the_smallest_lot_is_joined_to_the_next_on_futures_too():
    wanted = wanted_legs(STEPPED, replace(LONG, quantity=Decimal("0.00001")), FUTURES_RULES, taken=())

    assert [(leg.number, leg.quantity) for leg in wanted] == [(1, Decimal("0.00001"))]


def test_a_position_below_the_filters_is_left_to_the_ticks():
    dust = replace(LONG, quantity=Decimal("0.00005"))

    assert legs(BOTH, dust) == []


@pytest.mark.parametrize(("best", "stop"), [(50_000, 49_000), (50_400, 49_000), (50_500, 50_000), (51_000, 50_000)])
def test_from_the_set_gain_on_the_stop_is_at_the_entry(best, stop):
    settings = replace(STOP, break_even_percent=Decimal(1))

    assert legs(settings, replace(LONG, best_price=Decimal(best)))[0][2] == stop


def test_the_tightest_stop_counts():
    settings = replace(STOP, trailing_stop_percent=Decimal(1))

    assert legs(settings, replace(LONG, best_price=Decimal(51_000)))[0][2] == Decimal("50490.00")


@given(
    quantity=st.decimals(min_value="0.0001", max_value=3, places=5),
    shares=st.lists(st.integers(1, 99), min_size=1, max_size=5),
)
def test_the_legs_are_what_is_held_and_never_more(quantity, shares):
    total = sum(shares)
    steps = tuple(Step(Decimal(n + 1), Decimal(share) * 100 / total) for n, share in enumerate(shares))
    holding = replace(LONG, quantity=quantity)

    wanted = wanted_legs(replace(STOP, steps=steps), holding, RULES, taken=())

    assert sum(leg.quantity for leg in wanted) == (RULES.tradable(quantity) if wanted else 0)
    assert all(leg.quantity * 49_000 >= 5 for leg in wanted)


@pytest.mark.parametrize("pairs", [True, False])
def test_what_rests_as_wanted_is_left_alone(pairs):
    wanted = wanted_legs(BOTH, LONG, RULES, taken=())

    assert plan(wanted, resting(wanted[0]), side=Side.BUY, pairs=pairs) == Plan()


def test_a_missing_half_of_a_pair_replaces_the_pair_and_on_futures_only_the_half():
    wanted = wanted_legs(BOTH, LONG, RULES, taken=())
    target_only = resting(wanted[0])[1:]

    assert plan(wanted, target_only, side=Side.BUY, pairs=True) == Plan(tuple(wanted), (2,))
    assert plan(wanted, target_only, side=Side.BUY, pairs=False) == Plan((replace(wanted[0], target=None),))


def test_a_stop_that_follows_the_price_moves_only_when_it_is_worth_it():
    (leg,) = wanted_legs(STOP, LONG, RULES, taken=())
    near, far = replace(leg, stop=leg.stop + 20), replace(leg, stop=leg.stop + 30)

    assert plan([near], resting(leg), side=Side.BUY, pairs=True) == Plan()
    assert plan([far], resting(leg), side=Side.BUY, pairs=True) == Plan((far,), (1,))


def test_what_outlived_its_position_is_canceled():
    (leg,) = wanted_legs(BOTH, LONG, RULES, taken=())

    assert plan([], resting(leg), side=Side.BUY, pairs=True) == Plan(cancel=(1, 2))


def test_what_would_not_close_the_position_protects_it_from_nothing():
    (leg,) = wanted_legs(STOP, SHORT, RULES, taken=())
    of_a_long = resting(leg, side=Side.SELL)

    assert plan([leg], of_a_long, side=Side.SELL, pairs=False) == Plan((leg,), (1,))
    assert plan([leg], resting(leg, side=Side.BUY), side=Side.SELL, pairs=False) == Plan()


def test_of_two_stops_of_one_leg_the_older_goes():
    (leg,) = wanted_legs(STOP, LONG, RULES, taken=())
    both = [*resting(leg, start=1), *resting(leg, start=7)]

    assert plan([leg], both, side=Side.BUY, pairs=False) == Plan(cancel=(1,))


@pytest.mark.parametrize("doubt", ["in_doubt", "canceling"])
def test_nothing_is_planned_while_an_outcome_is_open(doubt):
    (leg,) = wanted_legs(STOP, LONG, RULES, taken=())
    (order,) = resting(leg)

    assert plan([], [replace(order, **{doubt: True})], side=Side.BUY, pairs=True) == Plan(waits=True)


def test_shares_that_only_rounding_divides_otherwise_are_not_moved():
    thirds = replace(STOP, steps=tuple(Step(Decimal(n), Decimal(share)) for n, share in ((1, 30), (2, 30), (3, 40))))
    before = wanted_legs(thirds, replace(LONG, quantity=Decimal("0.00999")), RULES, taken=())
    left = before[1:]
    held = replace(LONG, quantity=sum(leg.quantity for leg in left))

    after = wanted_legs(thirds, held, RULES, taken={0})

    rests = [order for leg in left for order in resting(leg, start=10 * leg.number)]
    assert plan(after, rests, side=Side.BUY, pairs=True) == Plan()
