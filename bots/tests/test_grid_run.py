"""A grid, and signals to sell a part, at the real paper exchange: what is bought, sold and booked, and what rests."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState, Decision
from bots.services.standings import record_since_start
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import saying
from bots.tests.factories import BotFactory
from bots.tests.recorded import MINUTE_MS, candles_of
from bots.tests.test_adding import next_candle
from bots.tests.test_tick import run_tick
from market.exchange import gateway_for
from market.exchange.adapter import GATEWAYS
from market.exchange.errors import OutcomeUnknown
from market.types import OrderType, Side, milliseconds
from trades.models import Order, Position, Trade
from trades.services import reconcile_orders
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db(transaction=True)
GRID = {"lower": 48_000, "upper": 52_000, "levels": 5, "memory_candles": 10}  # 48,000, 49,000 …


@pytest.fixture(autouse=True)
def signals(strategies, monkeypatch):
    """The strategies `adding` and `reducing`."""
    monkeypatch.setitem(STRATEGIES, "adding", replace(saying(Signal.ENTER_LONG, "adding"), adds=True))
    monkeypatch.setitem(STRATEGIES, "reducing", saying(Signal.REDUCE_LONG, "reducing"))


@pytest.fixture
def closes_at(price_is, monkeypatch):
    """`closes_at(51_500)`: one more candle has closed, at this price, which is that of the exchange."""
    closes = [50_500.0] * 20

    def candles(_, series, *, now):
        found = candles_of(np.array(closes))
        newest = milliseconds(series.last_close_at(now) - series.duration)
        return replace(found, open_time_ms=newest - MINUTE_MS * np.arange(len(closes), dtype=np.int64)[::-1])

    def close(price):
        next_candle()
        closes.append(float(price))
        price_is(price)

    monkeypatch.setattr("bots.services.look.ExchangeView.candles", candles)
    return close


def run(bot):
    return services.run_bot(bot.pk, now=timezone.now())


def says(bot, strategy):
    """From the next candle on the bot's strategy is another one."""
    next_candle()
    BotConfig.objects.filter(pk=bot.pk).update(strategy=strategy)


def position_of(bot):
    return Position.objects.get(pk=bot.position_id)


def resting(bot):
    """What the exchange says: kind, quantity and price of each open order."""
    return sorted((order.kind, order.quantity, int(order.price)) for order in gateway_for(bot.account).open_orders())


def ledger(bot):
    """What the exchange says that the account has."""
    return {item.asset: item.free + item.locked for item in gateway_for(bot.account).balances()}


def test_a_grid_buys_two_lots_falling_sells_one_rising_and_the_ledger_agrees(make_bot, closes_at):
    bot = make_bot("grid", parameters=GRID, sizing_mode="quote", sizing_value=Decimal(200), stop_loss_percent=20)

    done = []
    for price in (50_400, 49_900, 48_900, 49_100, 50_100, 50_200):
        closes_at(price)
        order = run(bot).order
        done.append(order and (order.purpose, order.side, order.status))

    bought, sold = ("entry", "BUY", "filled"), ("exit", "SELL", "filled")
    assert done == [None, bought, bought, None, sold, None]
    first, second, third = Trade.objects.order_by("pk")
    position = position_of(bot)
    lot = Decimal(200) / position.entry_price
    assert 0 <= lot - third.quantity_filled < Decimal("0.00001")
    assert (
        position.quantity == (first.quantity_filled + second.quantity_filled) * Decimal("0.999") - third.quantity_filled
    )
    assert (position.round, position.is_open, position.naked_since) == (2, True, None)
    assert third.realized_pnl == pytest.approx(third.quote_quantity * Decimal("0.999") - 200, abs=Decimal("0.5"))
    has = ledger(bot)
    spent = first.quote_quantity + second.quote_quantity - third.quote_quantity + third.commission
    assert has["BTC"] == position.quantity
    assert has["USDT"] == 10_000 - spent
    # What is left is protected again, all of it, from the average price of both purchases.
    ((kind, quantity, price),) = resting(bot)
    assert (kind, price) == ("STOP_LOSS", int(position.entry_price * Decimal("0.8")))
    assert 0 <= position.quantity - quantity < Decimal("0.00001")


def test_a_grid_that_rises_through_all_of_its_levels_ends_flat(make_bot, closes_at):
    bot = make_bot("grid", parameters=GRID, sizing_mode="quote", sizing_value=Decimal(200))

    for price in (49_900, 48_900, 47_900, 49_000, 50_000, 51_000, 52_000, 53_000):
        closes_at(price)
        run(bot)

    assert [trade.purpose for trade in Trade.objects.order_by("pk")] == ["entry"] * 3 + ["exit"] * 3
    position = position_of(bot)
    assert not position.is_open
    assert position.realized_pnl > 9  # 2 % of three lots of 200, less fees
    assert ledger(bot)["BTC"] == position.quantity < Decimal("0.00001")


def held_by(make_bot, price_is, *, lots=2, **fields):
    """A bot that has bought some lots of 0.004 at 50,000 and is to sell one."""
    price_is(50_000)
    bot = make_bot("adding", **({"sizing_mode": "base", "sizing_value": Decimal("0.004")} | fields))
    for _ in range(lots):
        run(bot)
        next_candle()
    says(bot, "reducing")
    return bot


def test_one_candle_sells_one_lot_and_a_second_look_leaves_what_rests_in_peace(make_bot, price_is):
    bot = held_by(make_bot, price_is, lots=3, stop_loss_percent=5)
    first = run(bot)
    noted, protections = Decision.objects.count(), resting(bot)
    orders = Order.objects.count()

    second = run(bot)

    assert (first.order.status, first.order.quantity) == ("filled", Decimal("0.004"))
    assert (second.order, second.decision.act) == (None, None)
    assert (Order.objects.count(), Decision.objects.count(), resting(bot)) == (orders, noted, protections)
    assert BotState.objects.get().status == "running"
    next_candle()
    assert run(bot).order.status == "filled"


def test_a_tick_counts_it_among_the_exits(make_bot, price_is):
    bot = held_by(make_bot, price_is)

    assert run_tick() == ([bot.pk], [])


@pytest.mark.parametrize("hindrance", [{"max_daily_trades": 1}, {"cooldown_minutes": 60}, {"max_daily_loss_perc": 1}])
def test_limits_of_entries_let_it_go_and_only_the_sale_of_all_begins_a_cool_down(make_bot, price_is, hindrance):
    bot = held_by(make_bot, price_is)
    BotConfig.objects.update(**hindrance)
    price_is(45_000)

    sold = run(bot)

    assert sold.order.status == "filled"
    says(bot, "adding")
    assert bool(run(bot).order) == ("cooldown_minutes" in hindrance)


def test_a_worker_that_dies_after_clearing_the_way_leaves_it_to_the_next_run(make_bot, price_is, monkeypatch):
    class Died(BaseException):
        pass

    def die(*args, **kwargs):
        raise Died

    bot = held_by(make_bot, price_is, stop_loss_percent=5)
    with monkeypatch.context() as patch:
        patch.setattr("bots.services.run.intend_order", die)
        with pytest.raises(Died):
            run(bot)
    assert resting(bot) == []

    sold = run(bot)

    assert (sold.order.status, sold.order.quantity) == ("filled", Decimal("0.004"))
    ((_, quantity, _),) = resting(bot)
    assert 0 <= position_of(bot).quantity - quantity < Decimal("0.00001")


@pytest.fixture(params=[True, False], ids=["executed", "not executed"])
def unanswered_sales(request, monkeypatch):
    """Sales at the market get no answer, whether they were executed or not."""
    gateway = GATEWAYS["spot"]
    original = gateway.submit

    def submit(self, request_):
        is_sale = request_.side is Side.SELL and request_.type is OrderType.MARKET
        if not is_sale:
            return original(self, request_)
        if request.param:
            original(self, request_)
        raise OutcomeUnknown("read timeout")

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "submit", submit)
        yield patch


def test_while_its_outcome_is_not_known_the_rest_is_protected_and_sold_at_a_stop(
    make_bot, price_is, unanswered_sales, request
):
    bot = held_by(make_bot, price_is, lots=3, stop_loss_percent=5)
    run(bot)
    next_candle()
    again = run(bot)

    held, lot = position_of(bot).quantity, Decimal("0.004")
    assert Order.objects.get(purpose="exit").status == "unknown"
    assert (again.order, again.decision.act) == (None, None)  # one sale at a time
    ((kind, protected, _),) = resting(bot)
    assert (kind, 0 <= held - lot - protected < Decimal("0.00001")) == ("STOP_LOSS", True)

    unanswered_sales.undo()
    says(bot, "quiet")
    BotConfig.objects.update(desired_state="flattened")
    rest = run(bot).order
    assert (rest.status, rest.quantity) == ("filled", protected)
    reconcile_orders(now=timezone.now() + timedelta(seconds=1))
    left = Decimal(0) if "not executed" not in request.node.name else lot
    assert 0 <= position_of(bot).quantity - left < Decimal("0.00001")


def test_what_is_left_is_divided_anew_among_the_steps_that_are_not_taken(make_bot, price_is):
    steps = {"take_profit_steps": [[2, 50], [4, 50]], "stop_loss_percent": 5}
    bot = held_by(make_bot, price_is, lots=5, sizing_value=Decimal("0.003"), **steps)
    run(bot)
    both = resting(bot)
    price_is(51_100)  # the first step
    reconcile_orders(now=timezone.now() + timedelta(seconds=1))
    next_candle()
    before = position_of(bot)

    run(bot)

    after = position_of(bot)
    assert [kind for kind, _, _ in both] == ["STOP_LOSS", "STOP_LOSS", "TAKE_PROFIT", "TAKE_PROFIT"]
    assert (after.round, before.quantity - after.quantity) == (5, Decimal("0.003"))
    (stop, covered, _), (target, targeted, price) = resting(bot)
    assert (stop, target, price) == ("STOP_LOSS", "TAKE_PROFIT", int(after.entry_price * Decimal("1.04")))
    assert covered == targeted
    assert 0 <= after.quantity - covered < Decimal("0.00001")


def test_a_part_sold_at_a_loss_is_no_lost_position_until_the_rest_is_sold(make_bot, price_is):
    bot = held_by(make_bot, price_is, lots=2, max_consecutive_losses=1)
    price_is(49_000)
    run(bot)
    says(bot, "adding")
    part = record_since_start(bot := BotConfig.objects.with_state().get())
    assert run(bot).order.status == "filled"  # no limit is reached

    BotConfig.objects.update(desired_state="flattened")
    run(bot)

    whole = record_since_start(BotConfig.objects.with_state().get())
    assert (part.losses_in_a_row, whole.losses_in_a_row) == (0, 1)
    assert Trade.objects.filter(purpose="exit", realized_pnl__lt=0).count() == 2


def test_a_limit_that_begins_in_the_middle_of_a_position_counts_it_when_it_is_closed(make_bot, price_is):
    bot = held_by(make_bot, price_is, lots=2, max_consecutive_losses=1)
    BotState.objects.update(enabled_at=timezone.now())
    price_is(49_000)
    run(bot)
    part = record_since_start(BotConfig.objects.with_state().get())
    next_candle()
    run(bot)
    whole = record_since_start(BotConfig.objects.with_state().get())

    assert not position_of(bot).is_open
    assert (part.losses_in_a_row, whole.losses_in_a_row) == (0, 1)


def test_the_fees_that_were_taken_from_the_coins_are_no_part_of_what_was_held():
    fee, now = Decimal("0.00001"), timezone.now()
    # Of the first purchase 0.00002 were left, which can be sold; three more came after that.
    bot = BotFactory(max_consecutive_losses=1)
    bot.position.quantity = Decimal("0.02999")
    booked = [("entry", "0.01", 0), ("exit", "0.00997", -5), *[("entry", "0.01", 0)] * 3]
    for seconds, (purpose, quantity, pnl) in enumerate(booked):
        order = OrderFactory(position=bot.position, purpose=purpose, status="filled", proof_deadline=now)
        commission = {"commission": fee, "commission_asset": "BTC"} if purpose == "entry" else {}
        moment = {"created_at": now + timedelta(seconds=seconds)}
        TradeFactory(order=order, quantity_filled=Decimal(quantity), realized_pnl=pnl, **commission, **moment)

    assert record_since_start(bot).losses_in_a_row == 0
    Trade.objects.filter(purpose="exit").update(quantity_filled=Decimal("0.00999"))  # nothing was left
    Position.objects.update(quantity=Decimal("0.02997"))
    assert record_since_start(BotConfig.objects.with_state().get()).losses_in_a_row == 1


def test_on_futures_the_one_lot_that_is_held_is_sold(make_futures_bot, futures_price_is):
    futures_price_is(50_000)
    bot = make_futures_bot("buying")
    run(bot)
    says(bot, "reducing")
    futures_price_is(51_000)

    sold = run(bot).order

    assert (sold.status, sold.reduce_only) == ("filled", True)
    assert position_of(bot).quantity == 0
