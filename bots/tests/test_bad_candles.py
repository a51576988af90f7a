"""Candles that nothing may trade on: no order, a status that says what is wrong, and recovery without help (M4).

The exchange is the real paper one; only what it says of candles is spoilt on its way to us.
"""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone
from django_redis import get_redis_connection

from bots import services
from bots.models import BotConfig, BotState
from bots.recipe import Recipe
from bots.services.look import look_at_series
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import saying
from bots.tests.test_tick import run_tick
from bots.types import Reason
from market.exchange.adapter import SpotGateway
from market.types import milliseconds
from trades.models import Order, Position

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)
MINUTE_MS = 60_000
TWICE_OR_NOT_IN_ORDER = "missing|out of order"


def without(rows, at):
    return rows[rows[:, 0] != at]


def stale(rows, at):
    return rows[rows[:, 0] < at]


def doubled(rows, at):
    return np.repeat(rows, 1 + (rows[:, 0] == at), axis=0)


def swapped(rows, at):
    places = np.where(rows[:, 0] == at, rows[:, 0] - MINUTE_MS - 1, rows[:, 0])
    return rows[np.argsort(places)]


def backwards(rows, at):
    return rows[::-1]


def few(rows, at):
    return rows[rows[:, 0] >= at]


def none(rows, at):
    return rows[:0]


def sparse(rows, at):
    return rows[(rows[:, 0] - at) % (2 * MINUTE_MS) == 0]


def with_value(column, value):
    def spoilt(rows, at):
        rows = rows.copy()
        rows[rows[:, 0] == at, column] = value
        return rows

    return spoilt


def shifted(rows, at):
    rows = rows.copy()
    rows[:, 0] += 1000
    return rows


def above_its_high(rows, at):
    rows = rows.copy()
    rows[rows[:, 0] == at, 4] = rows[rows[:, 0] == at, 2] * 1.0001
    return rows


def upside_down(rows, at):
    return np.where(rows[:, [0]] == at, rows[:, [0, 1, 3, 2, 4, 5]], rows)


SPOILT = {
    "a second late": (shifted, "do not begin when their interval does|closed"),
    "closed above its high": (above_its_high, "above its high or below its low"),
    "high and low swapped": (upside_down, "above its high or below its low"),
    "stale": (stale, r"closed 2\d\d s ago|closed 1\d\d s ago"),
    "none at all": (none, "closed"),
    "gappy": (without, "candles are missing"),
    "every second one": (sparse, "candles are missing|closed"),
    "too few": (few, "3 candles of history, 5 are needed"),
    "doubled": (doubled, TWICE_OR_NOT_IN_ORDER),
    "out of order": (swapped, TWICE_OR_NOT_IN_ORDER),
    "backwards": (backwards, "out of order|closed"),
    "without a time": (with_value(0, np.nan), TWICE_OR_NOT_IN_ORDER),
    "at an endless time": (with_value(0, np.inf), TWICE_OR_NOT_IN_ORDER),
    **{
        f"{name} {value}": (with_value(column, value), "a candle has a price that is no positive number")
        for column, name in enumerate(("open", "high", "low", "close"), 1)
        for value in (np.nan, np.inf, 0.0, -1.0)
    },
}


@pytest.fixture
def spoil(monkeypatch):
    """`spoil(change, at)`: from now on `change(rows, at)` is what the exchange says of candles; None: the truth."""
    really, changes = SpotGateway.candles, []

    def spoilt(self, *args, **kwargs):
        rows = really(self, *args, **kwargs)
        for change, at in changes:
            rows = change(rows, at)
        return rows

    monkeypatch.setattr(SpotGateway, "candles", spoilt)

    def hold(change, at=0):
        changes[:] = [(change, at)] if change else []

    return hold


@pytest.fixture
def bot(make_bot):
    """Wants in, and needs five candles."""
    return make_bot("buying")


def third_last(bot, now):
    """The open time, in ms, of a candle in the midst of those that the bot needs."""
    return milliseconds(bot.series.last_close_at(now)) - 3 * MINUTE_MS


def told():
    state = BotState.objects.get()
    return state.status, state.reason, state.message


@pytest.mark.parametrize(("change", "text"), SPOILT.values(), ids=SPOILT.keys())
def test_bad_candles_give_no_order_and_a_named_status_and_the_next_good_ones_bring_the_bot_back(
    bot, spoil, change, text
):
    now = timezone.now()
    before = now - MINUTE
    spoil(change, third_last(bot, before))
    acting = run_tick(before)
    in_a_tick = told()
    BotState.objects.update(status="pending", reason="", message="")
    outcome = services.run_bot(bot.pk, now=before)
    in_a_run = told()
    sent = Order.objects.count()

    spoil(None)
    acting_again = run_tick(now)
    order = services.run_bot(bot.pk, now=now).order

    assert (acting, outcome.order, sent) == (([], []), None, 0)
    for status, reason, message in (in_a_tick, in_a_run):
        assert (status, reason) == ("waiting", "stale market data")
        assert re.search(text, message)
    assert acting_again == ([], [bot.pk])
    assert order.status == "filled"
    assert told() == ("running", "", "buying says so")


def test_candles_that_stay_bad_keep_the_bot_waiting_for_as_long(bot, spoil):
    now = timezone.now()
    for ago in (2, 1, 0):
        moment = now - ago * MINUTE
        spoil(with_value(4, np.nan), third_last(bot, moment))
        assert run_tick(moment) == ([], [])
        assert told()[:2] == ("waiting", "stale market data")

    assert not Order.objects.exists()


def test_a_gap_that_the_exchange_never_fills_is_over_when_enough_candles_have_followed_it(bot, spoil):
    now = timezone.now()
    gap = third_last(bot, now - 4 * MINUTE)  # which opened seven minutes before the newest close
    spoil(without, gap)

    acting = {ago: run_tick(now - ago * MINUTE)[1] for ago in (4, 3, 2, 1, 0)}

    assert acting == {4: [], 3: [], 2: [], 1: [bot.pk], 0: [bot.pk]}


@pytest.mark.parametrize("change", [stale, without, doubled, with_value(4, np.nan)])
def test_bad_candles_keep_no_position_from_its_stop(bot, spoil, change):
    services.run_bot(bot.pk, now=timezone.now())
    position = Position.objects.get()
    Position.objects.update(entry_price=position.entry_price * 2)
    BotConfig.objects.update(stop_loss_percent=Decimal(10))
    now = timezone.now()
    spoil(change, third_last(bot, now + MINUTE))
    get_redis_connection("default").flushdb()

    exits, _ = run_tick(now)
    outcome = services.run_bot(bot.pk, now=timezone.now())

    assert exits == [bot.pk]
    assert (outcome.order.purpose, outcome.order.status) == ("exit", "filled")


def test_a_gap_that_only_one_of_two_strategies_reaches_stops_that_one(bot, spoil, monkeypatch):
    """Both read the same candles: that those of the first were looked through says nothing of the second's."""
    monkeypatch.setitem(STRATEGIES, "far", replace(saying(Signal.ENTER_LONG, "far"), candles_needed=lambda given: 15))
    now = timezone.now()
    spoil(without, milliseconds(bot.series.last_close_at(now)) - 9 * MINUTE_MS)

    view = look_at_series(bot.series, now=now)
    found = [view.read(Recipe(strategy, {})).trouble for strategy in ("buying", "far", "buying")]

    assert found == [Reason.NONE, Reason.STALE_DATA, Reason.NONE]
