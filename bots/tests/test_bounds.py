"""What bounds a bot from outside of its own day: switches, risk limits, and limits that last until a person looks."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState, Decision
from bots.services.standings import standings
from bots.tests.factories import BotFactory
from bots.tests.test_tick import run_tick, statuses
from market.models import ExchangeAccount, RiskLimits, Switch
from market.switches import SwitchState
from trades.models import Event, Order, Position
from trades.services import PLATFORM, Target, press, reconcile_accounts, to_reconcile
from trades.tests.factories import OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db(transaction=True)


def run(bot, now=None):
    return services.run_bot(bot.pk, now=now or timezone.now())


def booked(bot, *pnls, purpose="exit", hours_ago=1):
    """Closed positions of the bot, oldest first."""
    now = timezone.now()
    for number, pnl in enumerate(pnls):
        moment = now - timedelta(hours=hours_ago) + timedelta(seconds=number)
        for kind, value in (("entry", 0), (purpose, pnl)):
            order = OrderFactory(
                position=bot.position, purpose=kind, status="filled", proof_deadline=now, created_at=moment
            )
            TradeFactory(order=order, realized_pnl=Decimal(value), created_at=moment)


LASTING = [
    ({"max_drawdown_percent": Decimal(5)}, "max drawdown reached", "drawdown", "5", "6"),
    ({"max_consecutive_losses": 2}, "too many losses in a row", "consecutive_losses", "2", "2"),
]


@pytest.mark.parametrize(("limit", "reason", "code", "bound", "value"), LASTING)
def test_a_lasting_limit_pauses_the_bot_and_says_so_with_limit_and_value(make_bot, limit, reason, code, bound, value):
    bot = make_bot("buying", **limit)
    booked(bot, -30, -30)

    outcome = run(bot)

    state, decision = BotState.objects.get(), Decision.objects.get()
    assert outcome.order is None
    assert (state.status, state.reason, state.lockout) == ("paused", reason, reason)
    assert (decision.denial_code, decision.denial_limit, decision.denial_value) == (code, bound, value)
    event = Event.objects.get()
    assert (event.kind, event.data) == ("bot_paused", {"reason": reason})


DAILY = [
    ({"max_daily_loss_perc": Decimal(5)}, -60, "max daily loss reached"),
    ({"daily_target_perc": Decimal(5)}, 60, "daily target reached"),
]


@pytest.mark.parametrize(("limit", "pnl", "reason"), DAILY)
def test_a_limit_of_the_day_is_news_that_names_its_reason_whoever_finds_it(make_bot, limit, pnl, reason):
    bot = make_bot("buying", **limit)
    booked(bot, pnl, hours_ago=0)

    run_tick()

    event = Event.objects.get()
    assert (event.kind, event.position, event.data) == ("bot_paused", bot.position, {"reason": reason})


@pytest.mark.parametrize("limit", [item[0] for item in LASTING])
def test_a_lasting_limit_holds_over_ticks_and_days_until_a_person_starts_the_bot(make_bot, limit):
    bot = make_bot("buying", name="bot", **limit)
    booked(bot, -30, -30)
    run(bot)
    press(PLATFORM, SwitchState.REDUCING, by=None, reason="a test", now=timezone.now())
    run_tick()
    press(PLATFORM, SwitchState.ACTIVE, by=None, reason="a test", now=timezone.now())
    _, entries = run_tick(timezone.now() + timedelta(days=1))
    held = statuses()["bot"]

    started = services.start_bots(BotConfig.objects.all(), now=timezone.now())
    outcome = run(bot)

    assert (entries, held[0]) == ([], "paused")
    assert started == 1
    assert outcome.order.status == "filled"


def test_a_bot_that_enters_too_often_is_stopped_until_a_person_looks(make_bot, settings):
    settings.MAX_BOT_ENTRIES_PER_HOUR = 2
    bot = make_bot("buying", name="bot")
    booked(bot, 1, 1, hours_ago=0.5)

    first = run(bot)
    hours_later = timezone.now() + timedelta(hours=3)
    _, entries = run_tick(hours_later)
    held = statuses()["bot"]
    services.start_bots(BotConfig.objects.all(), now=timezone.now())
    second = run(bot)

    assert first.order is None
    assert (entries, held) == ([], ("paused", "repeated execution"))
    assert second.order.status == "filled"
    assert Event.objects.filter(kind="order_denied").values_list("data", flat=True).get() == {
        "code": "repeated_execution",
        "limit": "2",
        "value": "3",
    }


def test_a_denial_is_in_the_timeline_with_code_limit_and_value_and_cost_no_order(make_bot):
    bot = make_bot("buying")
    RiskLimits.objects.create(account=bot.account, max_order_notional=100)

    run(bot)

    state, decision = BotState.objects.get(), Decision.objects.get()
    assert (state.status, state.reason) == ("waiting", "risk limit reached")
    assert (decision.denial_code, decision.denial_limit) == ("notional_cap", "100")
    assert Decimal(decision.denial_value) > 490
    assert "the account's cap is 100" in decision.text
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (lambda bot: PLATFORM, "the platform is halted (flood): no orders at all"),
        (lambda bot: Target(user=bot.owner), "the user is halted (flood): no orders at all"),
        (lambda bot: Target(account=bot.account), "the account is halted (flood): no orders at all"),
    ],
)
def test_a_bot_says_whose_switch_holds_it_and_why(make_bot, target, text):
    bot = make_bot("buying")
    press(target(bot), SwitchState.HALTED, by=None, reason="flood", now=timezone.now())

    run_tick()

    state = BotState.objects.get()
    assert (state.status, state.reason, state.message) == ("paused", "kill switch", text)


def test_a_switch_that_is_pressed_while_a_bot_decides_stops_its_order(make_bot, monkeypatch):
    bot = make_bot("buying")
    real_submit = services.run.submit_order

    def press_first(order, **kwargs):
        press(Target(user=bot.owner), SwitchState.REDUCING, by=None, reason="a test", now=timezone.now())
        return real_submit(order, **kwargs)

    monkeypatch.setattr("bots.services.run.submit_order", press_first)
    run(bot)

    order = Order.objects.get()
    assert (order.status, order.error) == ("canceled", "the user is reducing (a test)")


def test_a_bot_that_is_reducing_still_leaves(make_bot):
    bot = make_bot("selling")
    Position.objects.filter(pk=bot.position_id).update(
        quantity=Decimal("0.01"), entry_price=50_000, round=1, opened_at=timezone.now() - timedelta(hours=1)
    )
    press(PLATFORM, SwitchState.REDUCING, by=None, reason="a test", now=timezone.now())

    exits, _ = run_tick()

    assert exits == [bot.pk]


def test_switches_of_a_whole_fleet_are_one_query(django_assert_num_queries):
    for _ in range(10):
        bot = BotFactory()
        press(Target(user=bot.owner), SwitchState.REDUCING, by=None, reason="a test", now=timezone.now())
    bots = list(BotConfig.objects.with_state())

    with django_assert_num_queries(3):  # orders in doubt, days, switches
        found = standings(bots, now=timezone.now())

    assert {standing.account_state for standing in found.values()} == {"reducing"}
    assert Switch.objects.count() >= 10


def test_an_account_enters_nothing_before_it_was_compared_with_the_exchange_and_says_so(make_bot):
    bot = make_bot("buying")
    ExchangeAccount.objects.update(reconciled_at=None)

    run(bot)
    state = BotState.objects.get()
    assert (state.status, state.reason) == ("waiting", "account not reconciled")
    assert not Order.objects.exists()

    assert reconcile_accounts(to_reconcile(everything=False), now=timezone.now()) == {bot.account_id: []}
    run(bot)
    assert Order.objects.get().status == "filled"


def test_an_account_that_is_not_reconciled_lets_positions_close(make_bot):
    bot = make_bot("buying")
    run(bot)
    BotConfig.objects.update(desired_state="flattened")
    ExchangeAccount.objects.update(reconciled_at=None)

    run(bot)

    assert Order.objects.get(purpose="exit").status == "filled"
