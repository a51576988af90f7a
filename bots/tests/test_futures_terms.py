"""Leverage and margin type on the real paper exchange: set once, read back, refused with the reason."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState
from bots.tests.futures import another_tick, away, by_hand, position_of, run, setup_of, state_of
from bots.tests.test_tick import run_tick
from market.exchange import gateway_for
from market.exchange.errors import OutcomeUnknown
from market.services import set_keys
from market.types import Side
from trades.models import Order, TermsInForce
from trades.services import reconcile_account

pytestmark = pytest.mark.django_db(transaction=True)
TWO = Decimal(2)


def test_crossed_margin_is_set_where_it_is_wanted(make_futures_bot, futures_price_is):
    futures_price_is(50_000)
    bot = make_futures_bot(margin_type="cross", leverage=3, stop_loss_percent=TWO)

    run(bot)

    assert setup_of(bot) == (3, False)
    assert position_of(bot).quantity == Decimal("0.03")


def test_the_terms_cost_calls_at_the_start_and_none_with_an_entry(make_futures_bot, futures_price_is, calls):
    futures_price_is(50_000)
    bot = make_futures_bot("quiet", stop_loss_percent=TWO)
    run(bot)
    agreeing = list(calls)
    calls.clear()
    BotConfig.objects.update(strategy="buying")

    run(bot)

    assert agreeing == [
        "futures_setup",
        "positions",
        "set_isolated",
        "set_leverage",
        "futures_setup",
        "margin_brackets",
    ]
    assert calls == ["submit", "submit", "positions"]  # entry, stop, and once where it would be liquidated


def test_a_started_bot_is_set_up_by_the_next_tick_before_it_has_a_signal(make_futures_bot):
    bot = make_futures_bot("quiet")

    _, entries = run_tick()

    assert entries == [bot.pk]
    assert state_of(bot) == ("pending", "")
    run(bot)
    assert state_of(bot) == ("waiting", "no signal")
    assert TermsInForce.objects.get().are(bot.account, leverage=5, is_isolated=True)
    assert another_tick() == ([], [])


@pytest.mark.parametrize("change", ["edit", "restart"])
def test_an_edited_or_restarted_bot_asks_anew(make_futures_bot, change):
    bot = make_futures_bot("quiet")
    run(bot)
    gateway_for(bot.account).set_leverage("BTCUSDT", 9)
    bot = BotConfig.objects.get()
    if change == "edit":
        bot.strategy = "ema_rsi"
        services.update_bot(bot)
    else:
        services.stop_bots(BotConfig.objects.all(), flatten=False, now=timezone.now())
        services.start_bots(BotConfig.objects.all(), now=timezone.now())

    run(bot)

    assert setup_of(bot) == (5, True)


def test_what_one_key_was_told_does_not_count_for_another(make_futures_bot, paper):
    bot = make_futures_bot("quiet")
    run(bot)
    other = paper.open_account(futures={"USDT": "10000"})
    set_keys(bot.account, api_key=other["api_key"], api_secret=other["api_secret"], by=None)
    reconcile_account(bot.account, now=timezone.now())
    assert setup_of(bot) == (20, False)

    run(bot)

    assert setup_of(bot) == (5, True)


def test_a_new_leverage_counts_from_the_next_entry_on(make_futures_bot, futures_price_is):
    futures_price_is(50_000)
    bot = make_futures_bot(stop_loss_percent=TWO)
    run(bot)
    BotConfig.objects.update(leverage=2, strategy="quiet")

    run(bot)
    during = setup_of(bot)
    services.stop_bots(BotConfig.objects.all(), flatten=True, now=timezone.now())
    run(bot)
    services.start_bots(BotConfig.objects.all(), now=timezone.now())
    run(bot)

    assert (during, setup_of(bot)) == ((5, True), (2, True))


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        ("hedge mode", "hedge mode, and this platform trades in one-way mode only: close its futures positions"),
        ("multi-assets", "multi-assets mode, in which all positions stand for each other"),
        (
            "foreign position",
            "the account holds 0.01 of BTCUSDT, of which this bot opened 0, and the exchange nets them",
        ),
        ("foreign order", "the exchange refuses the margin type: Margin type cannot be changed if there exists open"),
        ("symbol's bound", "the exchange refuses leverage 76: Leverage 76 is not valid (-4028); choose a leverage"),
        ("platform's cap", "leverage 5 is above the platform's cap 3"),
    ],
)
def test_an_account_that_does_not_fit_is_refused_with_the_reason(
    make_futures_bot, paper, settings, calls, obstacle, words
):
    settings.MAX_LEVERAGE = 3 if obstacle == "platform's cap" else 125
    bot = make_futures_bot(**{"symbol": "XRPUSDT", "leverage": 76} if obstacle == "symbol's bound" else {})
    key = {"api_key": bot.account.api_key.reveal(), "api_secret": bot.account.api_secret.reveal()}
    if obstacle == "hedge mode":
        paper.signed("POST", "/fapi/v1/positionSide/dual", key, dualSidePosition="true")
    elif obstacle == "multi-assets":
        paper.signed("POST", "/fapi/v1/multiAssetsMargin", key, multiAssetsMargin="true")
    elif obstacle == "foreign position":
        by_hand(bot)
    elif obstacle == "foreign order":
        limit = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "40000"}
        paper.signed("POST", "/fapi/v1/order", key, symbol="BTCUSDT", side="BUY", **limit)
    calls.clear()

    outcome = run(bot)

    assert outcome.order is None
    assert "submit" not in calls
    assert state_of(bot) == ("error", "futures terms not in force")
    assert words in BotState.objects.get().message
    assert not Order.objects.exists()


def test_what_stood_in_the_way_is_asked_again_after_a_while_or_when_the_bot_is_restarted(
    make_futures_bot, paper, calls
):
    bot = make_futures_bot("quiet")
    hand = by_hand(bot)
    run(bot)
    by_hand(bot, Side.SELL, str(hand.executed_quantity))
    calls.clear()

    run(bot)
    at_once = list(calls)
    services.run_bot(bot.pk, now=timezone.now() + timedelta(minutes=5))

    assert at_once == []
    assert setup_of(bot) == (5, True)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_setting_without_a_clear_answer_is_read_back(make_futures_bot, monkeypatch, arrives):
    bot = make_futures_bot("quiet")
    gateway = type(gateway_for(bot.account))
    set_leverage = gateway.set_leverage

    def lose_the_answer(self, symbol, leverage):
        if arrives:
            set_leverage(self, symbol, leverage)
        raise OutcomeUnknown("read timeout")

    monkeypatch.setattr(gateway, "set_leverage", lose_the_answer)
    run(bot)

    expected = ("waiting", "no signal") if arrives else ("error", "futures terms not in force")
    assert state_of(bot) == expected
    assert arrives or "still has leverage 20 and isolated margin" in BotState.objects.get().message


def test_an_exchange_that_is_away_says_nothing_about_the_terms(make_futures_bot, monkeypatch):
    bot = make_futures_bot("quiet")
    gateway = type(gateway_for(bot.account))
    with monkeypatch.context() as outage:
        outage.setattr(gateway, "futures_setup", lambda self, symbol: away())
        run(bot)
    assert state_of(bot) == ("error", "price fetch")

    run(bot)

    assert state_of(bot) == ("waiting", "no signal")


def test_an_entry_that_the_exchange_refuses_for_its_mode_has_the_terms_checked_anew(make_futures_bot, paper):
    bot = make_futures_bot("quiet")
    run(bot)
    key = {"api_key": bot.account.api_key.reveal(), "api_secret": bot.account.api_secret.reveal()}
    paper.signed("POST", "/fapi/v1/positionSide/dual", key, dualSidePosition="true")
    BotConfig.objects.update(strategy="buying")

    run(bot)
    run(bot)

    assert [order.status for order in Order.objects.all()] == ["rejected"]
    assert "hedge mode" in BotState.objects.get().message
