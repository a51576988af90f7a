"""A signal to sell a part of the position: when, how much, and that nothing which holds entries back holds it back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.decide import decide, protection_plan
from bots.exits import ExitSettings
from bots.limits import Day
from bots.situation import Wish
from bots.sizing import Mode, Sizing, TooSmall, reduction_quantity
from bots.strategies import Signal
from bots.tests.test_adding import ADDING
from bots.tests.test_decide import BLIND, CRASH, FLAT, LONG, NOON, OPENED, QUIET, RISING, SETUP, seen
from bots.tests.test_laws import TIGHT, hindered, hindrances
from bots.types import Reason, Status
from market.rounding import round_down
from market.types import Side

RISEN = replace(QUIET, signal=Signal.REDUCE_LONG)
RULES = QUIET.rules
HELD = (Status.RUNNING, Reason.NONE, None)
SOLD = (Status.RUNNING, Reason.NONE, "20261121T1200")


@pytest.mark.parametrize(
    ("setup", "market", "standing", "expected"),
    [
        (ADDING, RISEN, LONG, SOLD),
        (SETUP, RISEN, LONG, SOLD),
        (ADDING, RISEN, FLAT, (Status.WAITING, Reason.NO_SIGNAL, None)),
        # It is no protection: what was missed is not caught up.
        (
            ADDING,
            replace(RISEN, candle_close_at=NOON - timedelta(seconds=90)),
            LONG,
            (Status.RUNNING, Reason.NONE, "20261121T1159"),
        ),
        (ADDING, replace(RISEN, candle_close_at=NOON - timedelta(seconds=91)), LONG, HELD),
        (ADDING, replace(QUIET, left_long_at=None), LONG, HELD),
        # There is no part of a short position to sell.
        (replace(SETUP, futures=True), RISEN, replace(LONG, quantity=-LONG.quantity), HELD),
        (replace(SETUP, futures=True), RISEN, LONG, SOLD),
        # The whole position leaves first, and nothing is sold beside that.
        (ADDING, replace(CRASH, signal=Signal.REDUCE_LONG), LONG, (Status.RUNNING, Reason.NONE, "stop_loss")),
        (ADDING, RISEN, replace(LONG, exiting=LONG.quantity), HELD),
        (replace(ADDING, wish=Wish.FLATTEN), RISEN, LONG, (Status.RUNNING, Reason.NONE, "flatten")),
        # Stop means stop.
        (replace(ADDING, wish=Wish.STOP), RISEN, LONG, (Status.STOPPED, Reason.NONE, None)),
        (ADDING, BLIND, LONG, (Status.WAITING, Reason.STALE_DATA, None)),
        # What holds back every order.
        (ADDING, RISEN, replace(LONG, account_state="halted"), (Status.PAUSED, Reason.KILL_SWITCH, None)),
        (ADDING, RISEN, replace(LONG, account_cooling=True), (Status.WAITING, Reason.EXCHANGE_COOLDOWN, None)),
    ],
)
def test_what_a_bot_does_that_is_to_sell_a_part(setup, market, standing, expected):
    assert seen(setup, market, standing) == expected


@pytest.mark.parametrize(
    ("exiting", "sold"),
    [("0", "0.03"), ("0.004", "0.026"), ("0.029996", "0.03"), ("0.03", "0.03")],  # the last two are denied meanwhile
)
def test_a_stop_that_is_reached_while_a_part_is_being_sold_sells_the_rest(exiting, sold):
    standing = replace(LONG, quantity=Decimal("0.030005"), exiting=Decimal(exiting))

    assert decide(ADDING, CRASH, standing, now=NOON).act.quantity == Decimal(sold)


@pytest.mark.parametrize(
    ("exiting", "futures", "protected"),
    [("0", False, ["0.03"]), ("0.004", False, ["0.026"]), ("0.004", True, []), ("0.03", False, [])],
)
def test_on_spot_what_an_exit_under_way_leaves_is_protected(exiting, futures, protected):
    standing = replace(LONG, quantity=Decimal("0.030005"), exiting=Decimal(exiting))

    plan = protection_plan(replace(ADDING, futures=futures), RULES, standing)

    assert [leg.quantity for leg in plan.place] == [Decimal(quantity) for quantity in protected]


@given(hindrances)
def test_nothing_that_holds_entries_back_holds_it_back(names):
    setup = replace(ADDING, limits=TIGHT, cooldown_minutes=60)
    standing = hindered(replace(LONG, quantity=Decimal("0.03")), names, now=NOON)

    decision = decide(setup, RISEN, standing, now=NOON)

    assert (decision.status, decision.reason) == (Status.RUNNING, Reason.NONE)
    act = decision.act
    assert act is not None
    assert (act.is_entry, act.reduces, act.side, act.quantity) == (False, True, Side.SELL, Decimal("0.004"))


def test_the_sale_of_a_part_begins_no_cool_down_and_that_of_all_does():
    setup, now = replace(ADDING, cooldown_minutes=60), NOON
    sold_a_part = replace(LONG, closed_at=NOON - timedelta(minutes=1))

    assert seen(setup, RISING, sold_a_part) == SOLD  # it adds
    assert seen(setup, RISING, replace(sold_a_part, quantity=Decimal(0)), now)[1] == Reason.COOLING_DOWN
    assert sold_a_part.closed_at > OPENED


@pytest.mark.parametrize(
    ("sizing", "entry_price", "price", "held", "sold"),
    [
        # A lot is what the size buys at the average entry price, 50,000, whatever the price is now.
        (Sizing(Mode.BASE, Decimal("0.004")), 50_000, 60_000, "0.01199", "0.004"),
        (Sizing(Mode.QUOTE, Decimal(200)), 50_000, 60_000, "0.01199", "0.004"),
        (Sizing(Mode.PERCENT, Decimal(20)), 50_000, 60_000, "0.01199", "0.004"),
        (Sizing(Mode.RISK, Decimal("0.4")), 50_000, 60_000, "0.01199", "0.004"),  # stop 2 %
        # No more than is held, and no crumbs.
        (Sizing(Mode.QUOTE, Decimal(200)), 50_000, 60_000, "0.003996", "0.00399"),
        (Sizing(Mode.QUOTE, Decimal(200)), 50_000, 60_000, "0.0041", "0.0041"),
        (Sizing(Mode.QUOTE, Decimal(200)), 50_000, 60_000, "0.00599", "0.00599"),  # less than half a lot is left
        (Sizing(Mode.QUOTE, Decimal(200)), 50_000, 60_000, "0.006", "0.004"),
        (Sizing(Mode.QUOTE, Decimal(10)), 50_000, 50_000, "0.00032", "0.0002"),
        # What the exchange would not take by itself (5 USDT) when the price has fallen goes with it.
        (Sizing(Mode.QUOTE, Decimal(10)), 50_000, 50_000, "0.0003", "0.0003"),
        # A lot that has lost so much of its worth that the exchange takes it no more: as little as it takes.
        (Sizing(Mode.QUOTE, Decimal(6)), 50_000, 25_000, "0.0012", "0.0002"),
    ],
)
def test_how_much_is_sold(sizing, entry_price, price, held, sold):
    setup = replace(SETUP, sizing=sizing)
    market = replace(RISEN, price=Decimal(price))
    standing = replace(LONG, quantity=Decimal(held), entry_price=Decimal(entry_price))
    setup = replace(setup, exits=ExitSettings()) if sizing.mode is not Mode.RISK else setup

    decision = decide(setup, market, standing, now=NOON)

    assert decision.act.quantity == Decimal(sold)


def test_what_is_worth_less_than_the_exchange_takes_stays_and_says_so():
    setup = replace(ADDING, exits=ExitSettings())
    standing = replace(LONG, quantity=Decimal("0.0001"))

    decision = decide(setup, replace(RISEN, price=Decimal(40_000)), standing, now=NOON)

    assert decision.act is None
    assert decision.text == (
        "0.0001 BTC held from 50000; nothing is sold: 0.0001 BTC can be sold, 0.00013 BTC is needed"
    )


lots = st.integers(50, 5_000).map(lambda amount: Sizing(Mode.QUOTE, Decimal(amount)))
prices = st.integers(30_000, 70_000).map(Decimal)


@given(sizing=lots, bought=st.lists(prices, min_size=1, max_size=10), sold=st.lists(prices, min_size=10, max_size=10))
def test_as_many_sales_as_purchases_sell_all_and_not_one_fewer(sizing, bought, sold):
    held = cost = Decimal(0)
    for price in bought:
        quantity = round_down(sizing.value / price, RULES.lot_size)
        cost += quantity * price
        held += quantity * (1 - Decimal("0.001"))
    entry_price = cost * (1 - Decimal("0.001")) / held

    setup = replace(SETUP, sizing=sizing, exits=ExitSettings(), initial_capital=Decimal(50_000))
    for number in range(1, len(bought) + 1):
        market = replace(RISEN, price=sold[number - 1])
        standing = replace(LONG, quantity=held, entry_price=entry_price)
        held -= decide(setup, market, standing, now=NOON).act.quantity
        assert bool(RULES.tradable(held)) == (number < len(bought))


@given(
    lot=st.decimals("0.00001", 2, places=6),
    held=st.decimals("0.00001", 3, places=6),
    price=prices,
    stop=st.none() | st.integers(1, 50).map(Decimal),
    futures=st.booleans(),
)
def test_the_exchange_takes_what_is_sold_and_can_take_what_is_left(lot, held, price, stop, futures):
    try:
        sold = reduction_quantity(lot, held=held, price=price, stop_loss_percent=stop, rules=RULES, futures=futures)
    except TooSmall:
        assert RULES.tradable(held) * price < RULES.min_notional + price * RULES.lot_size
        return
    left = RULES.tradable(held - sold)
    assert sold == RULES.tradable(sold)
    assert sold <= held
    assert sold * price >= RULES.min_notional
    assert not left or left * price * (1 if futures else 1 - (stop or Decimal(5)) / 100) >= RULES.min_notional


def test_it_counts_no_position_as_opened():
    limits = replace(ADDING.limits, max_daily_trades=1)

    assert seen(replace(ADDING, limits=limits), RISEN, replace(LONG, day=Day(1))) == SOLD
