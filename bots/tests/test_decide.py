from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bots.decide import decide
from bots.exits import ExitSettings
from bots.limits import Day, Limits
from bots.situation import MarketView, Setup, Standing, Wish
from bots.sizing import Mode, Sizing
from bots.strategies import Signal
from bots.types import Reason, Status
from market.rules import rules_of
from market.tests.factories import NOON, entry
from market.types import Side

CLOSE = NOON.replace(second=0)
SETUP = Setup(
    wish=Wish.RUN,
    exits=ExitSettings(stop_loss_percent=Decimal(2)),
    sizing=Sizing(Mode.PERCENT, Decimal(50)),
    limits=Limits(),
    initial_capital=Decimal(1000),
    cooldown_minutes=0,
    exits_when_stopped=True,
)
QUIET = MarketView(Signal.NOTHING, CLOSE, "EMA fast 1 < EMA slow 2, RSI 50.0", Decimal(50_000), rules_of(entry()))
OPENED = NOON - timedelta(hours=1)
LATER = OPENED + timedelta(minutes=1)
RISING = replace(QUIET, signal=Signal.ENTER_LONG)
FALLING = replace(QUIET, signal=Signal.ENTER_SHORT, left_long_at=CLOSE)
BLIND = replace(QUIET, text="a candle is missing", trouble=Reason.STALE_DATA)
CRASH = replace(QUIET, price=Decimal(40_000))
FLAT = Standing(
    quantity=Decimal(0),
    entry_price=Decimal(0),
    realized_pnl=Decimal(0),
    best_price=Decimal(0),
    opened_at=None,
    closed_at=None,
    order_in_doubt=False,
    day=Day(),
    account_state="active",
    account_cooling=False,
    key_error="",
)
LONG = replace(
    FLAT,
    quantity=Decimal("0.00999"),
    entry_price=Decimal(50_000),
    best_price=Decimal(50_000),
    opened_at=OPENED,
)
LIMITED = replace(SETUP, limits=Limits(max_daily_trades=1))
PAUSED = replace(SETUP, entries_paused=True)


def seen(setup, market, standing, now=NOON):
    decision = decide(setup, market, standing, now=now)
    return (decision.status, decision.reason, decision.act and decision.act.key)


@pytest.mark.parametrize(
    ("setup", "market", "standing", "expected"),
    [
        (SETUP, QUIET, FLAT, (Status.WAITING, Reason.NO_SIGNAL, None)),
        (SETUP, FALLING, FLAT, (Status.WAITING, Reason.NO_SIGNAL, None)),  # spot is long only
        (SETUP, RISING, FLAT, (Status.RUNNING, Reason.NONE, "20261121T1200")),
        (SETUP, RISING, LONG, (Status.RUNNING, Reason.NONE, None)),
        (SETUP, FALLING, LONG, (Status.RUNNING, Reason.NONE, "signal")),
        (SETUP, CRASH, LONG, (Status.RUNNING, Reason.NONE, "stop_loss")),
        # Without a signal nothing is entered, but protections work.
        (SETUP, BLIND, FLAT, (Status.WAITING, Reason.STALE_DATA, None)),
        (SETUP, BLIND, LONG, (Status.WAITING, Reason.STALE_DATA, None)),
        (SETUP, replace(BLIND, price=Decimal(40_000)), LONG, (Status.RUNNING, Reason.NONE, "stop_loss")),
        (replace(SETUP, wish=Wish.FLATTEN), BLIND, LONG, (Status.RUNNING, Reason.NONE, "flatten")),
        # A signal to leave counts from the opening on, however old it is.
        (
            SETUP,
            replace(QUIET, left_long_at=OPENED + timedelta(minutes=1)),
            LONG,
            (Status.RUNNING, Reason.NONE, "signal"),
        ),
        (SETUP, replace(QUIET, left_long_at=OPENED), LONG, (Status.RUNNING, Reason.NONE, None)),
        # Spot is long only: less than nothing is nobody's position.
        (SETUP, FALLING, replace(LONG, quantity=Decimal("-0.5")), (Status.WAITING, Reason.NO_SIGNAL, None)),
        # Limits gate entries only.
        (LIMITED, RISING, replace(FLAT, day=Day(1)), (Status.PAUSED, Reason.MAX_DAILY_TRADES, None)),
        (LIMITED, CRASH, replace(LONG, day=Day(1)), (Status.RUNNING, Reason.NONE, "stop_loss")),
        # So does a pause of entries; what is held is left as ever.
        (PAUSED, RISING, FLAT, (Status.PAUSED, Reason.ENTRIES_PAUSED, None)),
        (PAUSED, RISING, LONG, (Status.RUNNING, Reason.NONE, None)),
        (PAUSED, FALLING, LONG, (Status.RUNNING, Reason.NONE, "signal")),
        (PAUSED, CRASH, LONG, (Status.RUNNING, Reason.NONE, "stop_loss")),
        (replace(PAUSED, adds=True), RISING, LONG, (Status.PAUSED, Reason.ENTRIES_PAUSED, None)),
        (replace(PAUSED, wish=Wish.STOP), RISING, FLAT, (Status.STOPPED, Reason.NONE, None)),
        (PAUSED, RISING, replace(FLAT, account_state="reducing"), (Status.PAUSED, Reason.KILL_SWITCH, None)),
        # The account holds it back.
        (SETUP, RISING, replace(FLAT, account_state="reducing"), (Status.PAUSED, Reason.KILL_SWITCH, None)),
        (SETUP, CRASH, replace(LONG, account_state="reducing"), (Status.RUNNING, Reason.NONE, "stop_loss")),
        (SETUP, CRASH, replace(LONG, account_state="halted"), (Status.PAUSED, Reason.KILL_SWITCH, None)),
        (SETUP, RISING, replace(FLAT, is_reconciled=False), (Status.WAITING, Reason.NOT_RECONCILED, None)),
        (
            SETUP,
            RISING,
            replace(FLAT, lockout=Reason.MAX_DRAWDOWN, lockout_text="12 %"),
            (Status.PAUSED, Reason.MAX_DRAWDOWN, None),
        ),
        (SETUP, CRASH, replace(LONG, lockout=Reason.MAX_DRAWDOWN), (Status.RUNNING, Reason.NONE, "stop_loss")),
        (SETUP, RISING, replace(FLAT, account_cooling=True), (Status.WAITING, Reason.EXCHANGE_COOLDOWN, None)),
        (SETUP, RISING, replace(FLAT, order_in_doubt=True), (Status.WAITING, Reason.ORDER_UNKNOWN, None)),
        (SETUP, RISING, replace(FLAT, key_error="refused"), (Status.ERROR, Reason.NO_PERMISSION, None)),
        # Stop means stop.
        (replace(SETUP, wish=Wish.STOP), RISING, FLAT, (Status.STOPPED, Reason.NONE, None)),
        (replace(SETUP, wish=Wish.STOP), FALLING, LONG, (Status.STOPPED, Reason.NONE, None)),
        (replace(SETUP, wish=Wish.STOP), CRASH, LONG, (Status.RUNNING, Reason.NONE, "stop_loss")),
        (
            replace(SETUP, wish=Wish.STOP, exits_when_stopped=False),
            CRASH,
            LONG,
            (Status.STOPPED, Reason.NONE, None),
        ),
        (replace(SETUP, wish=Wish.FLATTEN), QUIET, LONG, (Status.RUNNING, Reason.NONE, "flatten")),
        (replace(SETUP, wish=Wish.FLATTEN), RISING, FLAT, (Status.STOPPED, Reason.NONE, None)),
        # Too small for the filters.
        (
            replace(SETUP, sizing=Sizing(Mode.QUOTE, Decimal(1))),
            RISING,
            FLAT,
            (Status.WAITING, Reason.BELOW_FILTERS, None),
        ),
    ],
)
def test_what_a_bot_does(setup, market, standing, expected):
    assert seen(setup, market, standing) == expected


def test_dust_that_cannot_be_sold_is_no_position():
    dust = replace(LONG, quantity=Decimal("0.00000999"))

    assert seen(SETUP, RISING, dust)[2] == "20261121T1200"


def test_an_exit_sells_what_can_be_sold_of_the_position():
    decision = decide(SETUP, CRASH, replace(LONG, quantity=Decimal("0.009995")), now=NOON)

    assert (decision.act.side, decision.act.quantity) == (Side.SELL, Decimal("0.00999"))


@pytest.mark.parametrize(("age", "acts"), [(89, True), (90, True), (91, False), (3600, False)])
def test_a_signal_is_acted_on_soon_or_not_at_all(age, acts):
    market = replace(RISING, candle_close_at=NOON - timedelta(seconds=age))

    assert (seen(SETUP, market, FLAT)[2] is not None) == acts


def test_a_cool_down_after_an_exit_ends_by_itself():
    setup = replace(SETUP, cooldown_minutes=5)
    standing = replace(FLAT, closed_at=NOON - timedelta(minutes=4, seconds=59))

    during = seen(setup, RISING, standing)
    over = seen(setup, RISING, replace(standing, closed_at=NOON - timedelta(minutes=5)))

    assert during == (Status.WAITING, Reason.COOLING_DOWN, None)
    assert over[0] == Status.RUNNING


def test_the_reason_tells_the_indicator_values():
    assert decide(SETUP, QUIET, FLAT, now=NOON).text == "EMA fast 1 < EMA slow 2, RSI 50.0"
