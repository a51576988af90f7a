"""A strategy that adds to its position: when, how much, and what holds it back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from bots import services
from bots.limits import Day
from bots.models import BotState, Decision
from bots.situation import Wish
from bots.sizing import Mode, Sizing
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import saying
from bots.tests.test_decide import BLIND, CLOSE, CRASH, LIMITED, LONG, NOON, QUIET, RISING, SETUP, decide, seen
from bots.tests.test_tick import run_tick
from bots.types import Reason, Status
from market.types import Side
from trades.models import Order, Position, Trade

ADDING = replace(SETUP, adds=True, sizing=Sizing(Mode.PERCENT, Decimal(20)))  # of a capital of 1000
HELD = (Status.RUNNING, Reason.NONE, None)
ADDED = (Status.RUNNING, Reason.NONE, "20261121T1200")


@pytest.mark.parametrize(
    ("setup", "market", "standing", "expected"),
    [
        (ADDING, RISING, LONG, ADDED),
        (replace(ADDING, adds=False), RISING, LONG, HELD),
        (ADDING, QUIET, LONG, HELD),
        (ADDING, replace(RISING, candle_close_at=CLOSE - timedelta(seconds=91)), LONG, HELD),
        (ADDING, replace(QUIET, signal=Signal.ENTER_SHORT), LONG, HELD),  # the other way is no addition
        (ADDING, BLIND, LONG, (Status.WAITING, Reason.STALE_DATA, None)),
        # Exits first, and nothing is added beside one.
        (ADDING, replace(CRASH, signal=Signal.ENTER_LONG), LONG, (Status.RUNNING, Reason.NONE, "stop_loss")),
        (ADDING, RISING, replace(LONG, exiting=LONG.quantity), HELD),
        # What the owner wants.
        (replace(ADDING, wish=Wish.STOP), RISING, LONG, (Status.STOPPED, Reason.NONE, None)),
        (replace(ADDING, wish=Wish.FLATTEN), RISING, LONG, (Status.RUNNING, Reason.NONE, "flatten")),
        # The obstacles of a first entry.
        (
            replace(ADDING, limits=LIMITED.limits),
            RISING,
            replace(LONG, day=Day(1)),
            (Status.PAUSED, Reason.MAX_DAILY_TRADES, None),
        ),
        (ADDING, RISING, replace(LONG, account_state="reducing"), (Status.PAUSED, Reason.KILL_SWITCH, None)),
        (ADDING, RISING, replace(LONG, is_reconciled=False), (Status.WAITING, Reason.NOT_RECONCILED, None)),
        (ADDING, RISING, replace(LONG, order_in_doubt=True), (Status.WAITING, Reason.ORDER_UNKNOWN, None)),
        (ADDING, RISING, replace(LONG, key_error="refused"), (Status.ERROR, Reason.NO_PERMISSION, None)),
    ],
)
def test_what_a_bot_that_adds_does_with_a_position(setup, market, standing, expected):
    assert seen(setup, market, standing) == expected


@pytest.mark.parametrize(
    ("held", "earned", "added"),
    [
        ("0.00999", "0", "0.004"),  # 20 % of 1000 at 50,000
        ("0.01700", "0", "0.003"),  # only 150 of the capital are left
        ("0.01700", "-100", "0.001"),  # and 100 of it are lost
        ("0.01700", "200", "0.0048"),  # what was earned is capital, too
        ("0.01999", "0", None),
        ("0.02500", "0", None),  # dearer than the capital, since it was lowered
    ],
)
def test_all_purchases_together_cost_no_more_than_the_capital(held, earned, added):
    standing = replace(LONG, quantity=Decimal(held), realized_pnl=Decimal(earned))

    decision = decide(ADDING, RISING, standing, now=NOON)

    assert (decision.act and decision.act.quantity) == (added and Decimal(added))
    if added:
        assert (decision.act.is_entry, decision.act.adds, decision.act.side) == (True, True, Side.BUY)


def test_the_text_tells_what_is_held_and_why_nothing_is_added():
    spent = decide(ADDING, RISING, replace(LONG, quantity=Decimal("0.01999")), now=NOON)
    unreconciled = decide(ADDING, RISING, replace(LONG, is_reconciled=False), now=NOON)

    assert spent.text == "0.01999 BTC held from 50000; nothing is added: 0.50 USDT of the capital are left"
    assert unreconciled.text.startswith("0.00999 BTC held from 50000; nothing is added: the account's books")


@pytest.fixture
def make_adding_bot(make_bot, monkeypatch):
    def make(**fields):
        monkeypatch.setitem(STRATEGIES, "adding", replace(saying(Signal.ENTER_LONG, "adding"), adds=True))
        return make_bot("adding", **({"sizing_value": Decimal(40)} | fields))

    return make


def run(bot, now=None):
    return services.run_bot(bot.pk, now=now or timezone.now())


def next_candle():
    """As if all that was bought and sold on signals so far had been so on older candles."""
    Order.objects.exclude(purpose="protection").update(
        signal_key=Concat(Cast("pk", CharField()), Value(" of an older candle"))
    )


@pytest.mark.django_db(transaction=True)
def test_each_candle_adds_until_the_capital_is_spent_and_the_stop_covers_all(make_adding_bot):
    bot = make_adding_bot(stop_loss_percent=Decimal(5))

    for _ in range(3):
        run(bot)
        next_candle()
    spent = run(bot)

    position, stop = Position.objects.get(pk=bot.position_id), Order.objects.get(purpose="protection", status="open")
    bought = [trade.quantity_filled * trade.price for trade in Trade.objects.order_by("pk")]
    assert bought == [pytest.approx(Decimal(share), rel=Decimal("0.01")) for share in (400, 400, 200)]
    assert spent.order is None
    assert "nothing is added" in spent.decision.text
    assert 0 <= position.quantity - stop.quantity < Decimal("0.00001")


@pytest.mark.django_db(transaction=True)
def test_one_candle_adds_once_and_a_second_look_has_nothing_to_tell(make_adding_bot):
    bot, now = make_adding_bot(), timezone.now()
    run(bot, now)
    next_candle()
    added = run(bot, now)
    noted = Decision.objects.count()

    again = run(bot, now)

    assert added.order.status == "filled"
    assert (again.order, again.decision.act) == (None, None)
    assert Order.objects.filter(purpose="entry").count() == 2
    assert Decision.objects.count() == noted
    assert BotState.objects.get().status == "running"


@pytest.mark.django_db(transaction=True)
def test_a_tick_finds_the_bot_that_wants_to_add(make_adding_bot):
    bot = make_adding_bot()
    run(bot)

    assert Position.objects.get(pk=bot.position_id).is_open
    assert run_tick() == ([], [bot.pk])


@pytest.mark.django_db(transaction=True)
def test_on_futures_nothing_is_added(make_futures_bot, monkeypatch):
    monkeypatch.setitem(STRATEGIES, "adding", replace(saying(Signal.ENTER_LONG, "adding"), adds=True))

    assert not make_futures_bot("adding").setup.adds
