"""Futures bots on the real paper exchange: terms agreed, entries both ways, exits, turns."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState, Decision, Tick
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import saying
from bots.tests.test_tick import run_tick
from market.exchange import gateway_for
from market.exchange.errors import ExchangeUnavailable, OutcomeUnknown
from market.exchange.types import OrderRequest
from market.models import ExchangeAccount
from market.services import set_keys
from market.types import Side
from trades.liquidation import liquidation_price
from trades.models import Event, Order, Position, TermsInForce

pytestmark = pytest.mark.django_db(transaction=True)
TWO = Decimal(2)


def run(bot):
    return services.run_bot(bot.pk, now=timezone.now())


def state_of(bot):
    state = BotState.objects.get(pk=bot.pk)
    return (state.status, state.reason)


def position_of(bot):
    return Position.objects.get(pk=bot.position_id)


def at_the_exchange(bot):
    """What the exchange holds: signed quantity and liquidation price."""
    return [(row.quantity, row.liquidation_price) for row in gateway_for(bot.account).positions()]


def by_hand(bot, side=Side.BUY, quantity="0.01"):
    """Trade on the bot's account without the bot."""
    moment = {"signed_at": timezone.now(), "valid_for": timedelta(seconds=5)}
    request = OrderRequest("BTCUSDT", side, Decimal(quantity), f"by-hand-{side}", **moment)
    return gateway_for(bot.account).submit(request)


def another_tick():
    """A tick in a minute that is claimed already."""
    Tick.objects.all().delete()
    return run_tick()


def setup_of(bot):
    found = gateway_for(bot.account).futures_setup("BTCUSDT")
    return found.leverage, found.is_isolated


@pytest.fixture
def calls(monkeypatch):
    """The names of the calls that reach any futures gateway."""
    from market.exchange.adapter import GATEWAYS

    seen = []
    gateway = GATEWAYS["futures"]
    for name in ("futures_setup", "set_leverage", "set_isolated", "margin_brackets", "positions", "submit"):
        original = getattr(gateway, name)

        def call(self, *args, _name=name, _original=original, **kwargs):
            seen.append(_name)
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(gateway, name, call)
    return seen


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
    set_keys(bot.account, api_key=other["api_key"], api_secret=other["api_secret"])
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


def away():
    raise ExchangeUnavailable("bad gateway")


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
