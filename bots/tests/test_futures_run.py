"""Futures bots on the real paper exchange: entries both ways, exits, turns, liquidations kept away."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState, Decision
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import saying
from bots.tests.futures import another_tick, at_the_exchange, away, position_of, run, setup_of, state_of
from bots.tests.test_tick import run_tick
from market.exchange import gateway_for
from market.models import ExchangeAccount
from market.types import Side
from trades.liquidation import liquidation_price
from trades.models import Event, Order, Position, TermsInForce

pytestmark = pytest.mark.django_db(transaction=True)
TWO = Decimal(2)


@pytest.mark.parametrize(
    ("strategy", "sign", "stop"), [("buying", 1, Decimal("49002.4")), ("shorting", -1, Decimal("50997.4"))]
)
def test_a_bot_enters_either_way_on_its_own_terms(make_futures_bot, futures_price_is, strategy, sign, stop):
    futures_price_is(50_000)
    bot = make_futures_bot(strategy, stop_loss_percent=TWO)

    outcome = run(bot)

    position = position_of(bot)
    assert (outcome.order.status, outcome.order.reduce_only) == ("filled", False)
    assert position.quantity == sign * Decimal("0.05")  # 50 % of 1,000 USDT at leverage 5
    assert setup_of(bot) == (5, True)
    assert [quantity for quantity, _ in at_the_exchange(bot)] == [position.quantity]
    (resting,) = gateway_for(bot.account).open_orders()
    assert (resting.price, resting.side.sign, resting.quantity) == (stop, -sign, Decimal("0.05"))
    assert state_of(bot)[0] == "running"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"stop_loss_percent": Decimal("4.5"), "leverage": 20},
            "% away; with the stop 4.5 % away it must be at least 4.95 %",
        ),
        ({"leverage": 12}, "% away; without a stop loss it must be at least 10.00 %"),
    ],
)
def test_an_entry_that_would_be_liquidated_too_soon_is_denied_and_told(
    make_futures_bot, futures_price_is, calls, fields, words
):
    futures_price_is(50_000)
    bot = make_futures_bot(**fields)

    outcome = run(bot)

    assert outcome.order is None
    assert "submit" not in calls
    assert state_of(bot) == ("waiting", "order denied")
    assert words in BotState.objects.get().message
    assert Decision.objects.latest("pk").denial_code == "liquidation"
    assert words in Event.objects.get(kind="order_denied").message


@pytest.mark.parametrize("strategy", ["buying", "shorting"])
@pytest.mark.parametrize("leverage", [2, 7])
def test_the_estimate_is_where_the_exchange_would_liquidate(make_futures_bot, futures_price_is, strategy, leverage):
    futures_price_is(50_000)
    bot = make_futures_bot(strategy, leverage=leverage, stop_loss_percent=TWO)

    run(bot)

    position, terms = position_of(bot), TermsInForce.objects.get()
    quantity, price = abs(position.quantity), position.entry_price
    estimate = liquidation_price(
        Side.BUY if position.quantity > 0 else Side.SELL,
        quantity=quantity,
        price=price,
        margin=quantity * price / leverage,
        brackets=terms.margin_brackets,
    )
    ((_, told),) = at_the_exchange(bot)
    assert abs(estimate - told) < Decimal("0.01")
    assert terms.liquidation_price == told


def test_a_position_that_would_be_liquidated_before_its_stop_is_closed_at_once(make_futures_bot, futures_price_is):
    futures_price_is(50_000)
    bot = make_futures_bot("quiet", stop_loss_percent=TWO)
    run(bot)
    gateway_for(bot.account).set_leverage("BTCUSDT", 60)  # somebody does so by hand
    BotConfig.objects.update(strategy="buying")

    run(bot)

    assert at_the_exchange(bot) == []
    assert not position_of(bot).is_open
    _entry, leaving = Order.objects.exclude(purpose="protection").order_by("pk")
    assert leaving.signal_key == "exit:1:liquidation:0"
    assert "would come before the stop" in leaving.reason


def test_a_liquidation_price_that_could_not_be_read_is_asked_for_again(make_futures_bot, futures_price_is, monkeypatch):
    futures_price_is(50_000)
    bot = make_futures_bot("quiet", stop_loss_percent=TWO)
    run(bot)
    BotConfig.objects.update(strategy="buying")
    with monkeypatch.context() as outage:
        outage.setattr(type(gateway_for(bot.account)), "positions", lambda self: away())
        outcome = run(bot)
    assert outcome.order.status == "filled"
    assert TermsInForce.objects.get().liquidation_round == 0
    exits, _ = run_tick()

    run(bot)

    assert exits == [bot.pk]
    assert TermsInForce.objects.get().liquidation_round == 1
    assert another_tick() == ([], [])


@pytest.mark.parametrize(("before", "after"), [("buying", "shorting"), ("shorting", "buying")])
def test_an_opposite_signal_turns_the_position_within_one_run(make_futures_bot, futures_price_is, before, after):
    futures_price_is(50_000)
    bot = make_futures_bot(before, stop_loss_percent=TWO, take_profit_percent=TWO)
    run(bot)
    was = position_of(bot).quantity
    Position.objects.update(opened_at=timezone.now() - timedelta(hours=1))
    BotConfig.objects.update(strategy=after)

    run(bot)

    position = position_of(bot)
    assert position.quantity * was < 0
    assert position.round == 2
    assert list(Order.objects.exclude(purpose="protection").order_by("pk").values_list("purpose", "status")) == [
        ("entry", "filled"),
        ("exit", "filled"),
        ("entry", "filled"),
    ]
    resting = gateway_for(bot.account).open_orders()
    assert {order.side.sign * position.quantity < 0 for order in resting} == {True}
    assert len(resting) == 2


def test_a_limit_of_the_day_lets_a_position_be_left_and_not_turned(make_futures_bot, futures_price_is):
    futures_price_is(50_000)
    bot = make_futures_bot(stop_loss_percent=TWO, max_daily_trades=1)
    run(bot)
    Position.objects.update(opened_at=timezone.now() - timedelta(hours=1))
    BotConfig.objects.update(strategy="shorting")

    run(bot)

    assert not position_of(bot).is_open
    assert state_of(bot) == ("paused", "max daily trades reached")


@pytest.mark.parametrize("strategy", ["buying", "shorting"])
def test_what_a_bot_earned_is_what_its_wallet_gained_to_the_last_digit(make_futures_bot, futures_price_is, strategy):
    futures_price_is(50_000)
    bot = make_futures_bot(strategy, stop_loss_percent=TWO)
    run(bot)
    futures_price_is(50_700)
    services.stop_bots(BotConfig.objects.all(), flatten=True, now=timezone.now())

    run(bot)

    position = position_of(bot)
    (wallet,) = gateway_for(bot.account).balances()
    assert wallet.free + wallet.locked == 10_000 + position.realized_pnl
    assert (position.realized_pnl > 0) is (strategy == "buying")
    assert gateway_for(bot.account).open_orders() == []


def test_an_exit_beside_resting_protections_only_reduces(make_futures_bot, futures_price_is, monkeypatch):
    futures_price_is(50_000)
    bot = make_futures_bot(stop_loss_percent=TWO, take_profit_percent=TWO)
    run(bot)
    Position.objects.update(opened_at=timezone.now() - timedelta(hours=1))
    monkeypatch.setitem(STRATEGIES, "buying", saying(Signal.EXIT_LONG, "buying"))

    outcome = run(bot)

    assert (outcome.order.status, outcome.order.reduce_only) == ("filled", True)
    assert at_the_exchange(bot) == []
    assert gateway_for(bot.account).open_orders() == []
    assert set(Order.objects.filter(purpose="protection").values_list("status", flat=True)) == {"canceled"}


def test_an_account_of_many_bots_trades_each_symbol_by_itself(make_futures_bot, futures_price_is):
    futures_price_is(50_000)
    first = make_futures_bot(stop_loss_percent=TWO)
    second = make_futures_bot(
        "shorting",
        symbol="ETHUSDT",
        account=ExchangeAccount.objects.get(),
        owner=first.owner,
        leverage=3,
        stop_loss_percent=TWO,
    )

    run(first)
    run(second)

    quantities = {row.symbol: row.quantity.as_tuple().sign for row in gateway_for(first.account).positions()}
    assert quantities == {"BTCUSDT": 0, "ETHUSDT": 1}
