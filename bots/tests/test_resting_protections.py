"""Stop and targets rest at the real paper exchange: placed, moved, hit, removed."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots import services
from bots.models import BotConfig
from bots.parts import Part
from bots.services.protection import Kept
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import saying
from market.exchange import gateway_for
from market.exchange.errors import OrderRejected, TriggersAtOnce
from trades.models import Event, Order, Position
from trades.services import reconcile_orders

pytestmark = pytest.mark.django_db(transaction=True)
ONE, TWO = Decimal(1), Decimal(2)


def run(bot):
    return services.run_bot(bot.pk, now=timezone.now())


def sweep():
    """Ask about everything, whenever it was asked last."""
    reconcile_orders(now=timezone.now() + timedelta(seconds=1))


def resting(bot):
    """What the exchange says: side, kind and price of each open order."""
    orders = gateway_for(bot.account).open_orders()
    return sorted((order.side.value, order.kind, int(order.price)) for order in orders)


def position_of(bot):
    return Position.objects.get(pk=bot.position_id)


def quiet(bot):
    """From now on the strategy says nothing."""
    BotConfig.objects.filter(pk=bot.pk).update(strategy="quiet")


def test_stop_and_target_rest_as_one_list_right_after_the_entry(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE, take_profit_percent=TWO)

    run(bot)

    stop, target = Order.objects.filter(purpose="protection").order_by("type")
    assert resting(bot) == [("SELL", "STOP_LOSS", 49_502), ("SELL", "TAKE_PROFIT", 51_002)]
    assert (stop.status, target.status, stop.list_client_id == target.list_client_id) == ("open", "open", True)
    assert position_of(bot).naked_since is None
    assert 0 <= stop.naked_seconds < 5


def test_a_stop_that_is_hit_while_nobody_looks_is_booked_by_the_sweep(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE, take_profit_percent=TWO)
    run(bot)
    price_is(49_000)

    sweep()

    position = position_of(bot)
    assert not position.is_open
    assert position.realized_pnl < 0
    assert dict(Order.objects.filter(purpose="protection").values_list("type", "status")) == {
        "stop": "filled",
        "target": "expired",
    }
    assert Event.objects.filter(kind="stop_hit").count() == 1
    assert resting(bot) == []


def test_a_target_that_is_hit_takes_its_stop_with_it(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE, take_profit_percent=TWO)
    run(bot)
    price_is(52_000)

    sweep()

    assert not position_of(bot).is_open
    assert position_of(bot).realized_pnl > 0
    assert Event.objects.filter(kind="target_hit").count() == 1
    assert resting(bot) == []


def test_a_trailing_stop_follows_the_price_up_and_never_down(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", trailing_stop_percent=ONE)
    run(bot)
    quiet(bot)

    stops = []
    for price in (51_000, 50_800, 52_000):
        price_is(price)
        services.run_all_active_bots(now=timezone.now())
        tick(bot)
        run(bot)
        stops.append(resting(bot))

    assert stops == [[("SELL", "STOP_LOSS", 50_490)]] * 2 + [[("SELL", "STOP_LOSS", 51_480)]]


def test_a_stop_can_be_moved_as_often_as_the_price_rises(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", trailing_stop_percent=ONE)
    run(bot)
    quiet(bot)

    for price in range(51_000, 57_000, 1_000):
        price_is(price)
        tick(bot)
        run(bot)

    assert resting(bot) == [("SELL", "STOP_LOSS", 55_440)]
    assert position_of(bot).naked_since is None


def tick(bot):
    """One look at the bot's series: it is the tick that remembers the best price."""
    list(services.evaluate([Part(bot.series, bot.pk, bot.pk, 1)], tick_id=0, clock=timezone.now))


def test_from_its_gain_on_the_stop_rests_at_the_entry_price(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=TWO, break_even_percent=ONE)
    run(bot)
    quiet(bot)

    price_is(50_600)
    tick(bot)
    run(bot)

    assert resting(bot) == [("SELL", "STOP_LOSS", int(position_of(bot).entry_price))]


def test_a_step_that_is_hit_leaves_the_other_protected(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE, take_profit_steps=[[1, 50], [2, 50]])
    run(bot)
    quiet(bot)
    bought = position_of(bot).quantity
    assert len(resting(bot)) == 4

    price_is(50_700)
    sweep()
    run(bot)

    assert resting(bot) == [("SELL", "STOP_LOSS", 49_502), ("SELL", "TAKE_PROFIT", 51_002)]
    assert abs(position_of(bot).quantity - bought / 2) < Decimal("0.0001")


@pytest.mark.parametrize("how", ["flatten", "signal"])
def test_an_exit_first_frees_the_coins_and_leaves_nothing_behind(make_bot, price_is, how, monkeypatch):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE, take_profit_percent=TWO)
    run(bot)
    if how == "flatten":
        services.stop_bots(BotConfig.objects.all(), flatten=True, now=timezone.now())
    else:
        monkeypatch.setitem(STRATEGIES, "buying", saying(Signal.EXIT_LONG, "buying"))
        Position.objects.update(opened_at=timezone.now() - timedelta(hours=1))

    outcome = run(bot)

    assert outcome.order.status == "filled"
    assert not position_of(bot).is_open
    assert resting(bot) == []


def test_an_exit_that_finds_its_position_stopped_out_sells_nothing_twice(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE)
    run(bot)
    price_is(49_000)
    services.stop_bots(BotConfig.objects.all(), flatten=True, now=timezone.now())

    outcome = run(bot)

    assert outcome.order is None
    assert not position_of(bot).is_open
    assert Order.objects.filter(purpose="exit").count() == 0


def test_a_position_that_lost_its_worker_is_found_naked_and_protected(make_bot, price_is, monkeypatch):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE)
    with monkeypatch.context() as dying:
        dying.setattr("bots.services.run.keep_protected", die)
        with pytest.raises(KeyboardInterrupt):
            run(bot)
    assert position_of(bot).naked_since is not None
    assert list(services.bots_to_protect()) == [bot]

    services.protect_bot(bot.pk, now=timezone.now())

    assert resting(bot) == [("SELL", "STOP_LOSS", 49_502)]
    assert not services.bots_to_protect().exists()


def die(*args, **kwargs):
    raise KeyboardInterrupt


def test_a_stop_that_a_stranger_canceled_rests_again(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE)
    run(bot)
    stop = Order.objects.get(purpose="protection")
    gateway_for(bot.account).cancel("BTCUSDT", stop.client_order_id, stop.type)
    sweep()
    assert list(services.bots_to_protect()) == [bot]

    services.protect_bot(bot.pk, now=timezone.now())

    assert resting(bot) == [("SELL", "STOP_LOSS", 49_502)]


def test_protections_that_outlived_their_position_are_removed(make_bot, price_is):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE)
    run(bot)
    Position.objects.update(quantity=0)
    assert list(services.bots_to_protect()) == [bot]

    services.protect_bot(bot.pk, now=timezone.now())

    assert resting(bot) == []


@pytest.mark.parametrize(
    ("refusal", "tries"),
    [(TriggersAtOnce("would trigger immediately", code=-2010), 1), (OrderRejected("no", code=-1), 3)],
)
def test_a_position_that_cannot_be_protected_is_given_up_and_told(make_bot, price_is, monkeypatch, refusal, tries):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE)
    gateway = gateway_for(bot.account)
    submit = type(gateway).submit

    def refuse(self, request):
        if request.type == "stop":
            raise refusal
        return submit(self, request)

    monkeypatch.setattr(type(gateway), "submit", refuse)
    run(bot)
    for _ in range(tries - 1):
        assert position_of(bot).is_open
        services.protect_bot(bot.pk, now=timezone.now())

    assert not position_of(bot).is_open
    exit_order = Order.objects.get(purpose="exit")
    assert exit_order.signal_key == "exit:1:unprotected:0"
    assert Event.objects.filter(kind="order_rejected").count() == tries


def test_a_position_that_stays_naked_is_told_of_once(make_bot, price_is, monkeypatch):
    price_is(50_000)
    bot = make_bot("buying", stop_loss_percent=ONE)
    monkeypatch.setattr("bots.services.run.keep_protected", lambda *args, **kwargs: Kept())
    run(bot)
    later = timezone.now() + timedelta(seconds=31)

    told = [services.tell_of_naked_positions(now=moment) for moment in (timezone.now(), later, later)]

    assert told == [0, 1, 0]
