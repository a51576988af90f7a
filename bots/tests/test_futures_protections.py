"""Stop and targets of futures positions rest at the real paper exchange: placed, moved, hit, removed; both ways."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from django.utils import timezone

from bots import services
from bots.models import BotConfig
from bots.tests.test_resting_protections import ONE, TWO, die, position_of, quiet, resting, run, sweep, tick
from market.exchange import gateway_for
from market.exchange.adapter import GATEWAYS
from market.exchange.errors import OrderRejected, OutcomeUnknown, TriggersAtOnce
from trades.models import Event, Order, Position

pytestmark = pytest.mark.django_db(transaction=True)
STRATEGIES = [("buying", 1), ("shorting", -1)]
BOTH_WAYS = pytest.mark.parametrize(("strategy", "sign"), STRATEGIES)


@dataclass
class Watch:
    """How many stops rested at the exchange after each call that changes orders."""

    calls: list[str] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)


@pytest.fixture
def watch(monkeypatch):
    """Looks at the exchange after every submit and cancel."""
    seen, gateway = Watch(), GATEWAYS["futures"]
    for name in ("submit", "cancel"):
        original = getattr(gateway, name)

        def call(self, *args, _name=name, _original=original, **kwargs):
            answer = _original(self, *args, **kwargs)
            seen.calls.append(_name)
            seen.stops.append(sum(order.kind == "STOP_MARKET" for order in self.open_orders()))
            return answer

        monkeypatch.setattr(gateway, name, call)
    return seen


def entered(make_futures_bot, price_is, strategy, **exits):
    """A bot that has entered at 50,000 and whose strategy says nothing from now on."""
    price_is(50_000)
    bot = make_futures_bot(strategy, **exits)
    run(bot)
    quiet(bot)
    assert position_of(bot).is_open
    return bot


def mirrored(orders, sign):
    """The orders of a long position as they are; those of a short one as if it were long, seen from 50,000."""
    if sign == 1:
        return sorted(orders)
    other = {"BUY": "SELL", "SELL": "BUY"}
    return sorted((other[side], kind, 100_000 - price) for side, kind, price in orders)


@BOTH_WAYS
def test_stop_and_target_rest_as_two_orders_right_after_the_entry(make_futures_bot, futures_price_is, strategy, sign):
    bot = entered(make_futures_bot, futures_price_is, strategy, stop_loss_percent=ONE, take_profit_percent=TWO)

    stop, target = Order.objects.filter(purpose="protection").order_by("type")
    near = [(side, kind, round(price, -2)) for side, kind, price in mirrored(resting(bot), sign)]
    assert near == [("SELL", "STOP_MARKET", 49_500), ("SELL", "TAKE_PROFIT_MARKET", 51_000)]
    assert (stop.status, target.status, stop.list_client_id, stop.reduce_only) == ("open", "open", "", True)
    assert (stop.quantity, target.quantity) == (Decimal("0.05"), Decimal("0.05"))
    assert position_of(bot).naked_since is None
    assert 0 <= stop.naked_seconds < 5


@BOTH_WAYS
@pytest.mark.parametrize(("hit", "event"), [("stop", "stop_hit"), ("target", "target_hit")])
def test_one_that_is_hit_is_booked_by_the_sweep_and_the_other_removed(
    make_futures_bot, futures_price_is, strategy, sign, hit, event
):
    bot = entered(make_futures_bot, futures_price_is, strategy, stop_loss_percent=ONE, take_profit_percent=TWO)
    futures_price_is(50_000 + sign * (-1_000 if hit == "stop" else 2_000))

    sweep()
    closed = position_of(bot)
    assert list(services.bots_to_protect()) == [bot]
    services.protect_bot(bot.pk, now=timezone.now())

    assert not closed.is_open
    assert (closed.realized_pnl > 0) is (hit == "target")
    statuses = dict(Order.objects.filter(purpose="protection").values_list("type", "status"))
    assert statuses == {hit: "filled", "target" if hit == "stop" else "stop": "canceled"}
    assert Event.objects.filter(kind=event).count() == 1
    assert resting(bot) == []


@BOTH_WAYS
def test_a_trailing_stop_follows_the_price_and_one_stop_rests_at_every_moment(
    make_futures_bot, futures_price_is, watch, strategy, sign
):
    bot = entered(make_futures_bot, futures_price_is, strategy, trailing_stop_percent=ONE)
    watch.calls.clear()
    watch.stops.clear()

    stops = []
    for gain in (1_000, 800, 2_000):
        futures_price_is(50_000 + sign * gain)
        tick(bot)
        run(bot)
        ((_, _, price),) = resting(bot)
        stops.append(price)

    best = [50_000 + sign * gain for gain in (1_000, 1_000, 2_000)]
    assert stops == [int(price * (1 - sign * Decimal("0.01"))) for price in best]
    assert watch.calls == ["submit", "cancel"] * 2
    assert watch.stops == [2, 1] * 2  # the new one rests before the old one goes


@pytest.mark.parametrize("trouble", ["refused", "unknown", "killed"])
def test_a_move_that_fails_half_way_leaves_a_stop_and_is_finished_later(
    make_futures_bot, futures_price_is, monkeypatch, watch, trouble
):
    bot = entered(make_futures_bot, futures_price_is, "buying", trailing_stop_percent=ONE)
    futures_price_is(51_000)
    tick(bot)
    with monkeypatch.context() as failing:
        if trouble == "killed":
            failing.setattr("bots.services.protection.cancel_order", die)
            with pytest.raises(KeyboardInterrupt):
                run(bot)
        else:
            error = OrderRejected("no", code=-1) if trouble == "refused" else OutcomeUnknown("read timeout")
            failing.setattr(GATEWAYS["futures"], "submit", raising(error))
            run(bot)
    during = resting(bot)
    Order.objects.filter(status="unknown").update(status="absent")  # as the sweep finds in the end

    run(bot)

    assert len(during) >= 1
    assert min(watch.stops) >= 1 or watch.stops[0] == 0  # the entry itself has none yet
    assert resting(bot) == [("SELL", "STOP_MARKET", 50_490)]


def raising(error):
    def fail(self, request):
        raise error

    return fail


@BOTH_WAYS
def test_a_step_that_is_hit_leaves_the_other_protected(make_futures_bot, futures_price_is, watch, strategy, sign):
    steps = [[1, 50], [2, 50]]
    bot = entered(make_futures_bot, futures_price_is, strategy, stop_loss_percent=ONE, take_profit_steps=steps)
    opened = position_of(bot).quantity
    assert len(resting(bot)) == 4
    watch.stops.clear()

    futures_price_is(50_000 + sign * 700)
    sweep()
    run(bot)

    near = [(side, kind, round(price, -2)) for side, kind, price in mirrored(resting(bot), sign)]
    assert near == [("SELL", "STOP_MARKET", 49_500), ("SELL", "TAKE_PROFIT_MARKET", 51_000)]
    assert position_of(bot).quantity == opened / 2
    assert min(watch.stops) >= 1


@BOTH_WAYS
def test_from_its_gain_on_the_stop_rests_at_the_entry_price(make_futures_bot, futures_price_is, strategy, sign):
    bot = entered(make_futures_bot, futures_price_is, strategy, stop_loss_percent=TWO, break_even_percent=ONE)

    futures_price_is(50_000 + sign * 600)
    tick(bot)
    run(bot)

    ((_, kind, price),) = resting(bot)
    assert (kind, price) == ("STOP_MARKET", int(position_of(bot).entry_price))


@BOTH_WAYS
def test_an_exit_that_finds_its_position_stopped_out_opens_none_the_other_way(
    make_futures_bot, futures_price_is, strategy, sign
):
    bot = entered(make_futures_bot, futures_price_is, strategy, stop_loss_percent=ONE)
    futures_price_is(50_000 - sign * 1_000)
    services.stop_bots(BotConfig.objects.all(), flatten=True, now=timezone.now())

    outcome = run(bot)
    sweep()

    assert outcome.order.status == "rejected"  # reduce-only: there was nothing left to reduce
    assert gateway_for(bot.account).positions() == []
    assert not position_of(bot).is_open


def test_a_position_that_lost_its_worker_is_found_naked_and_protected(make_futures_bot, futures_price_is, monkeypatch):
    futures_price_is(50_000)
    bot = make_futures_bot("shorting", stop_loss_percent=ONE)
    with monkeypatch.context() as dying:
        dying.setattr("bots.services.run.keep_protected", die)
        with pytest.raises(KeyboardInterrupt):
            run(bot)
    assert position_of(bot).naked_since is not None
    assert list(services.bots_to_protect()) == [bot]

    services.protect_bot(bot.pk, now=timezone.now())

    assert [(side, kind) for side, kind, _ in resting(bot)] == [("BUY", "STOP_MARKET")]
    assert not services.bots_to_protect().exists()


def test_a_stop_of_the_other_side_is_no_protection(make_futures_bot, futures_price_is):
    bot = entered(make_futures_bot, futures_price_is, "shorting", stop_loss_percent=ONE)
    Order.objects.filter(purpose="protection").update(side="SELL")  # as if it had outlived a long position

    run(bot)

    stops = Order.objects.filter(purpose="protection", status="open")
    assert list(stops.values_list("side", flat=True)) == ["BUY"]


@pytest.mark.parametrize(
    ("refusal", "tries"),
    [(TriggersAtOnce("would immediately trigger", code=-2021), 1), (OrderRejected("no", code=-1), 3)],
)
def test_a_position_that_cannot_be_protected_is_given_up_and_told(
    make_futures_bot, futures_price_is, monkeypatch, refusal, tries
):
    futures_price_is(50_000)
    bot = make_futures_bot("shorting", stop_loss_percent=ONE)
    submit = GATEWAYS["futures"].submit

    def refuse(self, request):
        if request.type == "stop":
            raise refusal
        return submit(self, request)

    monkeypatch.setattr(GATEWAYS["futures"], "submit", refuse)
    run(bot)
    for _ in range(tries - 1):
        assert position_of(bot).is_open
        services.protect_bot(bot.pk, now=timezone.now())

    assert not position_of(bot).is_open
    assert Order.objects.get(purpose="exit").signal_key == "exit:1:unprotected:0"
    assert gateway_for(bot.account).positions() == []


def test_protections_that_outlived_their_position_are_removed(make_futures_bot, futures_price_is):
    bot = entered(make_futures_bot, futures_price_is, "shorting", stop_loss_percent=ONE, take_profit_percent=ONE)
    Position.objects.update(quantity=0)
    assert list(services.bots_to_protect()) == [bot]

    services.protect_bot(bot.pk, now=timezone.now())

    assert resting(bot) == []


def test_a_stop_that_cannot_be_moved_goes_on_protecting(make_futures_bot, futures_price_is, monkeypatch):
    bot = entered(make_futures_bot, futures_price_is, "buying", trailing_stop_percent=ONE)
    monkeypatch.setattr(GATEWAYS["futures"], "submit", raising(OrderRejected("no", code=-1)))

    for gain in range(1_000, 6_000, 1_000):
        futures_price_is(50_000 + gain)
        tick(bot)
        run(bot)

    assert resting(bot) == [("SELL", "STOP_MARKET", 49_502)]
    assert position_of(bot).is_open
    assert Order.objects.filter(status="rejected").count() == 3


def test_a_position_whose_stops_are_lost_again_and_again_is_given_up(make_futures_bot, futures_price_is, monkeypatch):
    bot = entered(make_futures_bot, futures_price_is, "shorting")
    BotConfig.objects.update(stop_loss_percent=ONE)
    submit = GATEWAYS["futures"].submit

    def lose(self, request):
        if request.type == "stop":
            raise OutcomeUnknown("read timeout")
        return submit(self, request)

    monkeypatch.setattr(GATEWAYS["futures"], "submit", lose)
    for _ in range(3):
        services.protect_bot(bot.pk, now=timezone.now())
        assert position_of(bot).is_open
        Order.objects.filter(status="unknown").update(status="absent")  # as the sweep finds in the end

    services.protect_bot(bot.pk, now=timezone.now())

    assert not position_of(bot).is_open
    assert Order.objects.get(purpose="exit").signal_key == "exit:1:unprotected:0"
