"""What a bot does on futures: both ways, on agreed terms, never beyond its liquidation. Plain rules."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bots.decide import decide, protection_plan
from bots.exits import ExitSettings, Step
from bots.protection import Resting
from bots.situation import Wish
from bots.sizing import Mode, Sizing
from bots.strategies import Signal
from bots.tests.test_decide import CLOSE, FLAT, LATER, LONG, OPENED, QUIET, RISING, SETUP
from bots.types import Reason, Status
from market.tests.factories import NOON
from market.types import Side

FUTURES = replace(SETUP, futures=True, leverage=5, min_liquidation_percent=Decimal(10))
FALLING = replace(QUIET, signal=Signal.ENTER_SHORT, left_long_at=CLOSE)
RISEN = replace(RISING, left_short_at=CLOSE)
AGREED = replace(FLAT, terms_agreed=True)
HELD_LONG = replace(LONG, terms_agreed=True)
HELD_SHORT = replace(HELD_LONG, quantity=-LONG.quantity)
PUMP, CRASH = replace(QUIET, price=Decimal(51_001)), replace(QUIET, price=Decimal(48_999))
ENTRY_KEY = "20261121T1200"


def acts(setup, market, standing, now=NOON):
    """The side and key of the order that is wanted; None without one."""
    act = decide(setup, market, standing, now=now).act
    return act and (act.side, act.key)


@pytest.mark.parametrize(
    ("market", "standing", "expected"),
    [
        # A signal either way opens a position either way.
        (RISING, AGREED, (Side.BUY, ENTRY_KEY)),
        (FALLING, AGREED, (Side.SELL, ENTRY_KEY)),
        (replace(QUIET, signal=Signal.EXIT_LONG), AGREED, None),
        (replace(QUIET, signal=Signal.EXIT_SHORT), AGREED, None),
        # What is held is left on the other's signal, on none of its own.
        (FALLING, HELD_LONG, (Side.SELL, "signal")),
        (RISEN, HELD_SHORT, (Side.BUY, "signal")),
        (replace(QUIET, signal=Signal.ENTER_SHORT, left_short_at=OPENED), HELD_SHORT, None),
        (replace(QUIET, left_long_at=CLOSE), HELD_SHORT, None),
        (replace(QUIET, left_short_at=LATER), HELD_SHORT, (Side.BUY, "signal")),
        # Stops and targets of a short position are mirrored.
        (PUMP, HELD_SHORT, (Side.BUY, "stop_loss")),
        (CRASH, HELD_SHORT, None),
        (CRASH, HELD_LONG, (Side.SELL, "stop_loss")),
    ],
)
def test_a_bot_goes_both_ways(market, standing, expected):
    assert acts(FUTURES, market, standing) == expected


def test_an_exit_buys_all_of_a_short_position_back():
    decision = decide(FUTURES, PUMP, HELD_SHORT, now=NOON)

    assert (decision.act.quantity, decision.act.is_entry) == (Decimal("0.00999"), False)
    assert decide(FUTURES, QUIET, HELD_SHORT, now=NOON).text.startswith("0.00999 BTC sold short from 50000;")


@pytest.mark.parametrize(("wish", "key"), [(Wish.FLATTEN, "flatten"), (Wish.STOP, None)])
def test_a_stopped_bot_keeps_its_short_position_and_a_flattened_one_buys_it_back(wish, key):
    acted = acts(replace(FUTURES, wish=wish), QUIET, HELD_SHORT)

    assert acted == (key and (Side.BUY, key))


@pytest.mark.parametrize(
    ("market", "standing", "turns"),
    [
        (FALLING, HELD_LONG, True),
        (RISEN, HELD_SHORT, True),
        (replace(QUIET, signal=Signal.EXIT_LONG, left_long_at=CLOSE), HELD_LONG, False),
        (replace(QUIET, left_long_at=LATER), HELD_LONG, False),  # an old signal: it enters nothing
        (replace(FALLING, price=Decimal(40_000)), HELD_LONG, False),  # left at the stop, not on the signal
    ],
)
def test_an_opposite_signal_leaves_first_and_says_that_it_wants_more(market, standing, turns):
    decision = decide(FUTURES, market, standing, now=NOON)

    assert not decision.act.is_entry
    assert decision.turns is turns


def test_spot_never_turns():
    assert not decide(SETUP, FALLING, LONG, now=NOON).turns


@pytest.mark.parametrize(
    ("standing", "status", "reason", "agrees"),
    [
        (FLAT, Status.PENDING, Reason.NONE, True),
        (replace(FLAT, terms_trouble="hedge mode"), Status.ERROR, Reason.FUTURES_TERMS, False),
        (replace(FLAT, account_state="reducing"), Status.PAUSED, Reason.KILL_SWITCH, False),
        (replace(FLAT, account_cooling=True), Status.WAITING, Reason.EXCHANGE_COOLDOWN, False),
        (AGREED, Status.RUNNING, Reason.NONE, False),
    ],
)
def test_nothing_is_entered_before_the_exchange_has_confirmed_the_terms(standing, status, reason, agrees):
    decision = decide(FUTURES, RISING, standing, now=NOON)

    assert (decision.status, decision.reason, decision.agrees) == (status, reason, agrees)
    assert bool(decision.act) is (standing is AGREED)
    assert decision.has_work is (agrees or standing is AGREED)


def test_a_position_is_left_whatever_the_terms():
    assert acts(FUTURES, PUMP, replace(HELD_SHORT, terms_agreed=False)) == (Side.BUY, "stop_loss")
    assert acts(SETUP, RISING, FLAT) is not None  # spot knows no terms


@pytest.mark.parametrize(
    ("held", "liquidation", "price", "key"),
    [
        (HELD_LONG, 48_000, 50_000, None),
        (HELD_LONG, 49_500, 50_000, "liquidation"),  # before the stop at 49,000
        (HELD_SHORT, 50_500, 50_000, "liquidation"),
        (HELD_SHORT, 52_000, 50_000, None),
        (HELD_SHORT, 52_000, 52_000, "liquidation"),  # it must be gone by now
        (HELD_LONG, None, 50_000, None),
    ],
)
def test_a_position_that_would_be_liquidated_before_its_stop_is_left(held, liquidation, price, key):
    known = replace(held, liquidation_price=liquidation and Decimal(liquidation))

    acted = acts(FUTURES, replace(QUIET, price=Decimal(price)), known)

    assert (acted and acted[1]) == key


def test_without_a_stop_the_liquidation_has_to_be_far():
    loose = replace(FUTURES, exits=ExitSettings())

    assert acts(loose, QUIET, replace(HELD_LONG, liquidation_price=Decimal(45_100))) is None
    assert acts(loose, QUIET, replace(HELD_LONG, liquidation_price=Decimal(47_000))) == (Side.SELL, "liquidation")


def test_a_bot_that_does_not_know_its_liquidation_has_work_until_it_does():
    quiet = replace(FUTURES, exits=ExitSettings())

    assert decide(quiet, QUIET, replace(HELD_SHORT, liquidation_asked=False), now=NOON).has_work
    assert not decide(quiet, QUIET, HELD_SHORT, now=NOON).has_work
    silent = replace(HELD_SHORT, liquidation_asked=False, account_cooling=True)
    assert not decide(quiet, QUIET, silent, now=NOON).has_work
    assert not decide(quiet, QUIET, replace(AGREED, liquidation_asked=False), now=NOON).has_work


def test_stop_and_targets_of_a_short_position_rest_as_orders_of_their_own():
    settings = ExitSettings(Decimal(2), steps=(Step(Decimal(1), Decimal(50)), Step(Decimal(3), Decimal(50))))
    stepped = replace(FUTURES, exits=settings)

    wanted = protection_plan(stepped, QUIET.rules, replace(HELD_SHORT, quantity=Decimal("-0.01"))).place

    half = Decimal("0.00500")
    assert [(leg.quantity, leg.stop, leg.target) for leg in wanted] == [(half, 51_000, 49_500), (half, 51_000, 48_500)]


def test_a_trailing_stop_follows_a_short_position_down():
    trailing = replace(FUTURES, exits=ExitSettings(trailing_stop_percent=Decimal(1)))
    fallen = replace(HELD_SHORT, best_price=Decimal(48_000))

    (leg,) = protection_plan(trailing, QUIET.rules, fallen).place

    assert leg.stop == 48_480
    assert acts(trailing, replace(QUIET, price=Decimal(48_480)), fallen) == (Side.BUY, "trailing_stop")


def test_what_a_long_position_left_behind_is_removed_from_a_short_one():
    left = Resting(1, 0, True, HELD_LONG.quantity, Decimal(51_000), Side.SELL)

    plan = protection_plan(FUTURES, QUIET.rules, replace(HELD_SHORT, resting=(left,)))

    assert plan.cancel == (1,)
    assert [leg.stop for leg in plan.place] == [51_000]


@pytest.mark.parametrize(
    ("sizing", "quantity"),
    [
        (Sizing(Mode.PERCENT, Decimal(50)), "0.05"),  # 500 of margin at leverage 5
        (Sizing(Mode.QUOTE, Decimal(100)), "0.01"),
        (Sizing(Mode.BASE, Decimal("0.02")), "0.02"),
        (Sizing(Mode.BASE, Decimal(2)), "0.1"),  # never beyond capital × leverage
        (Sizing(Mode.RISK, Decimal(1)), "0.01"),  # 10 at risk, 2 % stop, whatever the leverage
        (Sizing(Mode.RISK, Decimal(100)), "0.1"),
    ],
)
@pytest.mark.parametrize("market", [RISING, FALLING])
def test_amount_and_percent_are_margin_and_the_capital_times_the_leverage_is_the_bound(sizing, quantity, market):
    decision = decide(replace(FUTURES, sizing=sizing), market, AGREED, now=NOON)

    assert decision.act.quantity == Decimal(quantity)


def test_a_size_below_the_filters_names_margin_and_worth():
    decision = decide(replace(FUTURES, sizing=Sizing(Mode.QUOTE, Decimal("0.8"))), RISING, AGREED, now=NOON)

    assert decision.reason is Reason.BELOW_FILTERS
    assert decision.text == (
        "the size gives 0.00008 BTC, worth 4.00 USDT (0.80 at leverage 5);"
        " 0.0001 BTC, worth 5.00 USDT (1.00 at leverage 5), is needed"
    )


def test_limits_and_cool_down_hold_back_a_short_entry_too():
    cooling = replace(AGREED, closed_at=NOON - timedelta(minutes=1))

    assert decide(replace(FUTURES, cooldown_minutes=5), FALLING, cooling, now=NOON).reason is Reason.COOLING_DOWN
