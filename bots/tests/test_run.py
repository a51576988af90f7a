import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState, Decision
from bots.services.run import locked_bot
from bots.tasks import run_bot as run_bot_task
from market.exchange.errors import ExchangeUnavailable
from market.models import ExchangeAccount, SymbolRules
from trades.models import Event, Order, Position, Trade

pytestmark = pytest.mark.django_db(transaction=True)


def run(bot):
    return services.run_bot(bot.pk, now=timezone.now())


def state_of(bot):
    return BotState.objects.select_related("bot__position").get(pk=bot.pk)


def test_a_signal_becomes_an_order_a_fill_and_a_position(make_bot):
    bot = make_bot("buying")

    outcome = run(bot)

    state, trade = state_of(bot), Trade.objects.get()
    assert outcome.order.status == "filled"
    assert (state.status, state.reason, state.message) == ("running", "", "buying says so")
    assert state.in_position
    assert state.entry_price == trade.price
    assert state.current_position_size_coins == trade.quantity_filled - trade.commission
    assert Decision.objects.get().order_id == outcome.order.pk
    assert Event.objects.get().kind == "order_filled"


def test_one_candle_is_entered_once(make_bot):
    bot = make_bot("buying")
    now = timezone.now()
    services.run_bot(bot.pk, now=now)
    BotConfig.objects.update(strategy="selling")
    Position.objects.update(opened_at=now - timedelta(hours=1))
    services.run_bot(bot.pk, now=now)
    BotConfig.objects.update(strategy="buying")

    outcome = services.run_bot(bot.pk, now=now)

    assert outcome.order is None
    assert list(Order.objects.order_by("pk").values_list("purpose", flat=True)) == ["entry", "exit"]


def test_a_busy_bot_is_skipped_at_once(make_bot):
    bot = make_bot("buying")
    holding, done = threading.Event(), threading.Event()

    def hold():
        with locked_bot(bot.pk):
            holding.set()
            done.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(10)

    result = run_bot_task(bot.pk)

    done.set()
    thread.join()
    assert result == "skipped (locked)"
    assert not Order.objects.exists()


def test_a_stopped_bot_makes_no_entry_even_if_its_run_was_queued(make_bot):
    bot = make_bot("buying")
    services.stop_bots(BotConfig.objects.all(), flatten=False, now=timezone.now())

    outcome = run(bot)

    assert outcome.order is None
    assert state_of(bot).status == "stopped"


def test_a_stop_between_intent_and_send_takes_the_entry_back(make_bot, monkeypatch):
    bot = make_bot("buying")
    real_submit = services.run.submit_order

    def stop_first(order, **kwargs):
        services.stop_bots(BotConfig.objects.all(), flatten=False, now=timezone.now())
        return real_submit(order, **kwargs)

    monkeypatch.setattr("bots.services.run.submit_order", stop_first)
    run(bot)

    assert Order.objects.get().status == "canceled"
    assert not Trade.objects.exists()


def test_stop_and_flatten_sells_and_then_rests(make_bot):
    bot = make_bot("buying")
    run(bot)
    services.stop_bots(BotConfig.objects.all(), flatten=True, now=timezone.now())

    run(bot)
    run(bot)

    assert Trade.objects.filter(purpose="exit").count() == 1
    assert state_of(bot).status == "stopped"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"api_key": ""}, "error", "missing api key"),
        ({"api_key": "wrong"}, "error", "outside trading permissions"),
        ({"api_secret": "wrong"}, "error", "outside trading permissions"),
        ({"state": "halted"}, "paused", "kill switch"),
    ],
)
def test_trouble_with_the_account_has_a_name(make_bot, change, status, reason):
    bot = make_bot("buying")
    for name, value in change.items():
        setattr(bot.account, name, value)
    bot.account.save()

    run(bot)

    state = state_of(bot)
    assert (state.status, state.reason) == (status, reason)
    assert not Trade.objects.exists()


def test_a_key_that_no_longer_decrypts_has_a_name(make_bot, settings):
    bot = make_bot("buying")
    settings.FIELD_KEYS = ["w1OJ5wxQmVVHPLrXhgzUiZYD1p1SzAt6mYwiu5Nb2mY="]

    run(bot)

    assert state_of(bot).reason == "api key decrypt failed"


def test_a_symbol_that_stops_trading_has_a_name(make_bot, paper):
    bot = make_bot("buying")
    SymbolRules.objects.update(status="BREAK")

    run(bot)

    state = state_of(bot)
    assert (state.status, state.reason) == ("error", "outside trading permissions")
    assert state.message == "BTCUSDT is BREAK (buying says so)"
    assert Event.objects.get(kind="order_denied").data == {
        "code": "symbol_not_trading",
        "limit": "TRADING",
        "value": "BREAK",
    }


def test_an_exchange_that_closes_the_symbol_rejects_the_order(make_bot, paper):
    bot = make_bot("buying")
    paper.set_status("BTCUSDT", "BREAK")
    try:
        run(bot)
    finally:
        paper.set_status("BTCUSDT", "TRADING")

    state = state_of(bot)
    assert (state.status, state.reason) == ("error", "order rejected")
    assert "Market is closed." in state.message


def test_an_exchange_that_is_down_has_a_name_and_the_bot_recovers(make_bot, monkeypatch):
    bot = make_bot("buying")
    with monkeypatch.context() as patch:
        patch.setattr("bots.services.look.ExchangeView.candles", refuse)
        run(bot)
    during = state_of(bot)

    run(bot)

    assert (during.status, during.reason) == ("error", "price fetch")
    assert state_of(bot).status == "running"


def refuse(*args, **kwargs):
    raise ExchangeUnavailable("connection refused")


def test_a_strategy_that_raises_stops_its_own_bot_only(make_bot):
    bot = make_bot("broken")

    run(bot)

    state = state_of(bot)
    assert (state.status, state.reason) == ("error", "strategy error")
    assert state.last_error_message == "broken: ZeroDivisionError: the strategy is broken"


def test_a_bot_with_too_little_balance_says_what_the_exchange_said(make_bot):
    bot = make_bot("buying", initial_capital=Decimal(50_000), sizing_value=Decimal(100))

    run(bot)

    state = state_of(bot)
    assert state.reason == "order rejected"
    assert "insufficient balance" in state.message


def test_an_account_that_is_halted_while_the_bot_decides_sends_nothing(make_bot, monkeypatch):
    bot = make_bot("buying")
    real_submit = services.run.submit_order

    def halt_first(order, **kwargs):
        ExchangeAccount.objects.update(state="halted")
        return real_submit(order, **kwargs)

    monkeypatch.setattr("bots.services.run.submit_order", halt_first)
    run(bot)

    assert Order.objects.get().status == "canceled"
