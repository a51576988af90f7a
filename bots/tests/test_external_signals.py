"""What becomes of signals from outside: orders on the real paper exchange, each once, and exits always."""

from datetime import timedelta
from random import Random

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots import services, tasks
from bots.external import Action
from bots.models import BotConfig, BotState, Decision, ExternalSignal
from bots.services.explaining import NothingToReplay, explain, replay
from bots.services.external import hear
from bots.services.standings import bot_now
from bots.tests.factories import BotFactory
from bots.tests.webhooks import Sender, numbers
from market.candles import StaleData
from market.exchange import gateway_for
from market.exchange.errors import ExchangeUnavailable, OrderRejected
from market.models import ExchangeAccount
from market.rules import rules_of
from market.tests.factories import entry
from market.types import Side
from trades.models import Order, Position
from trades.services import reconcile_orders

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def bot(make_bot):
    return make_bot("webhook_signal")


@pytest.fixture
def futures_bot(make_futures_bot, futures_price_is):
    futures_price_is(50_000)
    return make_futures_bot("webhook_signal", leverage=2)


def tell(bot, action, *, age=timedelta()):
    """A signal that was sent, and came, so long ago."""
    at = timezone.now() - age
    signal, _ = services.receive_signal(bot, Action(action), sender_id=f"id {next(numbers)}", sent_at=at, now=at)
    return signal


def run(bot):
    return services.run_bot(bot.pk, now=timezone.now())


def settle(bot):
    """Run until no signal waits, as ticks would."""
    for _ in range(5):
        run(bot)
        if not ExternalSignal.objects.filter(bot=bot, handled_at=None).exists():
            return
    raise AssertionError(f"still waiting: {outcomes()}")


def outcomes():
    return [(one.action, one.outcome) for one in ExternalSignal.objects.order_by("pk")]


def acts():
    """Purposes of all orders that were filled, in their order."""
    orders = Order.objects.filter(status="filled").order_by("pk")
    return [order.purpose for order in orders]


def is_held(bot):
    return Position.objects.get(pk=bot.position_id).is_open


def test_from_the_post_to_the_booked_order_and_back(bot, settings, broker):
    settings.SECURE_SSL_REDIRECT = False
    sender = Sender(bot)

    first = sender.told("buy")
    assert tasks.run_bot(bot.pk).startswith("running: enter_long by POST at")
    entry = Order.objects.get()
    assert (entry.status, is_held(bot)) == ("filled", True)
    second = sender.signed("exit_long")
    assert tasks.run_bot(bot.pk, is_exit=True).startswith("running: signal to leave at")

    assert (first.status_code, second.status_code, broker("high_priority")) == (202, 202, 2)
    assert (acts(), is_held(bot)) == (["entry", "exit"], False)
    run(bot)
    assert outcomes() == [("enter_long", "ordered"), ("exit_long", "left")]
    assert set(ExternalSignal.objects.values_list("order_id", flat=True)) == set(
        Order.objects.values_list("pk", flat=True)
    )


def test_one_signal_enters_once_whatever_became_of_its_position(bot):
    tell(bot, "enter_long")
    run(bot)
    Position.objects.update(quantity=0, closed_at=timezone.now())  # as if a stop had been reached

    assert run(bot).order is None
    assert outcomes() == [("enter_long", "ordered")]


def test_each_signal_of_one_minute_is_an_act_of_its_own(bot):
    for action in ("enter_long", "exit", "enter_long", "exit"):
        tell(bot, action)
        run(bot)

    assert acts() == ["entry", "exit"] * 2


def test_the_order_and_what_became_of_its_signal_are_one_transaction(bot, monkeypatch):
    def die(*args, **kwargs):
        raise RuntimeError("between the two")

    signal = tell(bot, "enter_long")
    with monkeypatch.context() as patch:
        patch.setattr("bots.services.external.Heard.note", die)
        run(bot)
    assert (Order.objects.count(), outcomes()) == (0, [("enter_long", "")])

    run(bot)

    signal.refresh_from_db()
    assert signal.order_id == Order.objects.get().pk


def test_an_entry_that_the_exchange_refuses_is_not_tried_again(bot, monkeypatch):
    def refuse(*args, **kwargs):
        raise OrderRejected("no", code=-2010)

    tell(bot, "enter_long")
    with monkeypatch.context() as patch:
        patch.setattr(type(gateway_for(bot.account)), "submit", refuse)
        run(bot)

    run(bot)

    assert Order.objects.get().status == "rejected"
    assert outcomes() == [("enter_long", "ordered")]


@pytest.mark.parametrize(("age", "outcome"), [(58, "ordered"), (62, "expired")])
def test_an_entry_is_valid_for_a_while(bot, age, outcome):
    tell(bot, "enter_long", age=timedelta(seconds=age))

    run(bot)

    assert outcomes() == [("enter_long", outcome)]
    assert is_held(bot) == (outcome == "ordered")


def test_how_long_is_the_bots_own(bot):
    BotConfig.objects.update(parameters={"valid_seconds": 10})
    tell(bot, "enter_long", age=timedelta(seconds=12))

    run(bot)

    assert outcomes() == [("enter_long", "expired")]


def test_validity_counts_from_the_signal_and_not_from_the_candle(make_bot):
    bot = make_bot("webhook_signal", interval="1d")
    tell(bot, "enter_long")

    run(bot)

    assert is_held(bot)


def test_an_exit_is_due_however_many_ticks_were_missed(bot):
    tell(bot, "enter_long")
    run(bot)
    Position.objects.update(opened_at=timezone.now() - timedelta(hours=3))
    tell(bot, "exit_long", age=timedelta(hours=2))

    run(bot)

    assert not is_held(bot)


def test_an_exit_that_came_while_the_entry_was_under_way_is_done(bot):
    tell(bot, "enter_long")
    run(bot)
    tell(bot, "exit", age=timedelta(seconds=5))

    settle(bot)

    assert not is_held(bot)


def test_an_exit_waits_while_an_entry_may_still_be_filled(bot):
    tell(bot, "enter_long")
    outcome = run(bot)
    Order.objects.filter(pk=outcome.order.pk).update(status="unknown")
    quantity = Position.objects.get(pk=bot.position_id).quantity
    Position.objects.update(quantity=0)
    tell(bot, "exit")

    run(bot)
    assert outcomes()[-1] == ("exit", "")
    Order.objects.filter(pk=outcome.order.pk).update(status="filled")
    Position.objects.update(quantity=quantity)
    settle(bot)

    assert (is_held(bot), outcomes()[-1]) == (False, ("exit", "left"))


def test_an_exit_stays_when_the_entry_is_booked_while_it_is_heard(bot):
    before = bot_now(bot.pk)
    tell(bot, "enter_long")
    run(bot)
    tell(bot, "exit")

    with transaction.atomic():
        hear(before, rules_of(entry()), now=timezone.now())

    assert outcomes()[-1] == ("exit", "")
    run(bot)
    assert not is_held(bot)


def away(self):
    raise ExchangeUnavailable("no answer")


@pytest.mark.parametrize(("newer", "entered"), [("exit", 0), ("enter_long", 1)])
def test_an_entry_that_was_left_behind_is_not_sent_after_the_exit(bot, monkeypatch, newer, entered):
    tell(bot, "enter_long", age=timedelta(seconds=8))
    with monkeypatch.context() as outage:
        outage.setattr(type(gateway_for(bot.account)), "prepare", away)
        run(bot)
    assert Order.objects.get().status == "intended"
    tell(bot, newer)
    run(bot)

    Order.objects.update(created_at=timezone.now() - timedelta(seconds=8))
    reconcile_orders(now=timezone.now())

    assert Order.objects.filter(status="filled").count() == entered
    settle(bot)
    assert outcomes()[-1][1] == ("nothing to leave" if newer == "exit" else "held already")


@pytest.mark.parametrize("parameters", [{"valid_seconds": "x"}, {"valid_seconds": float(10**300)}, ["x"]])
def test_parameters_that_cannot_be_read_keep_no_position_from_leaving(bot, parameters):
    tell(bot, "enter_long")
    run(bot)
    BotConfig.objects.update(parameters=parameters)
    tell(bot, "exit")
    tell(bot, "enter_long")

    run(bot)
    run(bot)

    assert (acts(), is_held(bot)) == (["entry", "exit"], False)


def test_an_exit_with_nothing_to_leave_is_done_with(bot):
    tell(bot, "exit_long")
    run(bot)
    tell(bot, "enter_long")
    run(bot)

    run(bot)

    assert is_held(bot)
    assert outcomes() == [("exit_long", "nothing to leave"), ("enter_long", "ordered")]


def test_a_newer_exit_undoes_an_entry_that_waits(bot):
    tell(bot, "enter_long", age=timedelta(seconds=2))
    tell(bot, "exit_long", age=timedelta(seconds=1))

    run(bot)

    assert Order.objects.count() == 0
    assert outcomes() == [("enter_long", "superseded"), ("exit_long", "nothing to leave")]


def test_an_entry_that_comes_after_the_exit_which_was_sent_later_is_not_made(bot):
    tell(bot, "exit_long", age=timedelta(seconds=1))
    run(bot)
    tell(bot, "enter_long", age=timedelta(seconds=2))

    run(bot)

    assert outcomes() == [("exit_long", "nothing to leave"), ("enter_long", "superseded")]


def test_an_exit_and_a_new_entry_that_wait_are_done_in_this_order(bot):
    tell(bot, "enter_long")
    run(bot)
    tell(bot, "exit_long")
    tell(bot, "enter_long")

    settle(bot)

    assert acts() == ["entry", "exit", "entry"]
    assert [outcome for _, outcome in outcomes()] == ["ordered", "left", "ordered"]


def test_what_is_held_already_is_not_bought_again(bot):
    tell(bot, "enter_long")
    run(bot)
    tell(bot, "enter_long")

    run(bot)

    assert acts() == ["entry"]
    assert outcomes()[-1] == ("enter_long", "held already")


@pytest.mark.parametrize("flatten", [False, True])
def test_stop_means_stop_for_signals_that_wait_too(bot, flatten):
    tell(bot, "enter_long")
    run(bot)
    tell(bot, "exit")
    services.stop_bots(BotConfig.objects.all(), flatten=flatten, now=timezone.now())

    run(bot)

    assert is_held(bot) == (not flatten)
    assert outcomes()[-1] == ("exit", "stopped")


def test_what_waited_when_the_bot_was_stopped_is_not_done_when_it_starts_again(bot):
    tell(bot, "exit", age=timedelta(seconds=1))
    tell(bot, "enter_long", age=timedelta(seconds=1))
    services.stop_bots(BotConfig.objects.all(), flatten=False, now=timezone.now())
    services.start_bots(BotConfig.objects.all(), now=timezone.now())

    run(bot)

    assert Order.objects.count() == 0
    assert outcomes() == [("exit", "stopped"), ("enter_long", "stopped")]


def test_clearing_a_lockout_drops_no_exit(bot):
    tell(bot, "enter_long")
    run(bot)
    tell(bot, "exit")
    BotState.objects.update(lockout="max drawdown reached", lockout_text="fell")
    services.start_bots(BotConfig.objects.all(), now=timezone.now())

    run(bot)

    assert not is_held(bot)


def test_a_signal_that_came_in_while_the_bot_was_being_stopped_is_dropped_by_its_run(bot):
    tell(bot, "enter_long")
    BotConfig.objects.update(desired_state="stopped")

    run(bot)

    assert (outcomes(), Order.objects.count()) == ([("enter_long", "stopped")], 0)


HELD_BACK = {
    "lockout": lambda: BotState.objects.update(lockout="max drawdown reached", lockout_text="fell"),
    "the day's trades": lambda: BotConfig.objects.update(max_daily_trades=1),
    "cool-down": lambda: BotConfig.objects.update(cooldown_minutes=60),
    "exits only": lambda: ExchangeAccount.objects.update(state="reducing"),
    "a symbol on the restricted list": lambda: setattr(django_settings, "RESTRICTED_SYMBOLS", ["BTCUSDT"]),
}


@pytest.mark.parametrize("hold_back", HELD_BACK.values(), ids=HELD_BACK)
def test_limits_hold_back_entries_and_never_exits(bot, hold_back, settings):
    settings.RESTRICTED_SYMBOLS = []  # as it was, afterwards
    tell(bot, "enter_long")
    run(bot)
    hold_back()
    tell(bot, "exit")

    run(bot)
    assert not is_held(bot)
    tell(bot, "enter_long")
    run(bot)

    assert acts() == ["entry", "exit"]
    assert outcomes()[-1] == ("enter_long", "")


def test_an_exit_outlasts_a_halt(bot):
    tell(bot, "enter_long")
    run(bot)
    tell(bot, "exit")
    ExchangeAccount.objects.update(state="halted")
    run(bot)
    assert is_held(bot)

    ExchangeAccount.objects.update(state="active")
    ExternalSignal.objects.update(received_at=timezone.now() - timedelta(days=1))
    run(bot)

    assert not is_held(bot)


def test_exits_do_not_pile_up_while_the_account_is_halted(bot):
    tell(bot, "enter_long")
    run(bot)
    ExchangeAccount.objects.update(state="halted")
    for _ in range(5):
        tell(bot, "exit")
        run(bot)

    assert outcomes()[1:] == [("exit", "superseded")] * 4 + [("exit", "")]
    ExchangeAccount.objects.update(state="active")
    settle(bot)
    assert (acts(), outcomes()[-1]) == (["entry", "exit"], ("exit", "left"))


def test_to_turn_is_not_meant_any_more_where_the_last_word_is_to_stay(futures_bot):
    tell(futures_bot, "enter_long")
    settle(futures_bot)
    tell(futures_bot, "enter_short")
    tell(futures_bot, "enter_long")

    settle(futures_bot)

    assert acts() == ["entry"]
    assert outcomes() == [("enter_long", "ordered"), ("enter_short", "superseded"), ("enter_long", "held already")]


def test_a_turn_that_is_taken_back_takes_no_exit_with_it(futures_bot):
    """The exit was said by itself: that a turn came after it, which is not meant any more, does not unsay it."""
    tell(futures_bot, "enter_long")
    settle(futures_bot)
    ExchangeAccount.objects.update(state="halted")
    tell(futures_bot, "exit")
    tell(futures_bot, "enter_short")
    run(futures_bot)
    tell(futures_bot, "enter_long")
    ExchangeAccount.objects.update(state="active")

    settle(futures_bot)

    assert acts() == ["entry", "exit", "entry"]
    assert ("exit", "left") in outcomes()


def test_a_turn_that_is_under_way_is_finished_and_the_last_word_entered_anew(futures_bot, monkeypatch):
    tell(futures_bot, "enter_long")
    settle(futures_bot)
    tell(futures_bot, "enter_short")
    with monkeypatch.context() as outage:
        outage.setattr(type(gateway_for(futures_bot.account)), "prepare", away)
        run(futures_bot)
    tell(futures_bot, "enter_long")
    Order.objects.filter(purpose="exit").update(created_at=timezone.now() - timedelta(seconds=8))
    reconcile_orders(now=timezone.now())

    settle(futures_bot)

    assert acts() == ["entry", "exit", "entry"]
    assert outcomes()[-1] == ("enter_long", "ordered")
    assert Position.objects.get(pk=futures_bot.position_id).quantity > 0


def test_without_fresh_candles_bots_leave_and_do_not_enter(bot, monkeypatch):
    def stale(*args, **kwargs):
        raise StaleData("a candle is missing")

    tell(bot, "enter_long")
    run(bot)
    monkeypatch.setattr("bots.services.look.ExchangeView.candles", stale)
    tell(bot, "exit")
    run(bot)
    tell(bot, "enter_long")
    outcome = run(bot)

    assert (acts(), is_held(bot)) == (["entry", "exit"], False)
    assert outcome.decision.reason == "stale market data"


def test_an_exchange_that_is_away_is_asked_again(bot, monkeypatch):
    def away(*args, **kwargs):
        raise ExchangeUnavailable("no answer")

    tell(bot, "enter_long")
    run(bot)
    tell(bot, "exit")
    with monkeypatch.context() as outage:
        outage.setattr("bots.services.look.last_prices", away)
        run(bot)
    assert services.waiting_bots(now=timezone.now()) == ([bot.pk], [])

    run(bot)

    assert not is_held(bot)


@pytest.mark.parametrize(("before", "after"), [("enter_long", "enter_short"), ("enter_short", "enter_long")])
def test_on_futures_an_entry_the_other_way_turns_the_position_within_one_run(futures_bot, before, after):
    tell(futures_bot, before)
    run(futures_bot)
    was = Position.objects.get(pk=futures_bot.position_id).quantity
    tell(futures_bot, after)

    run(futures_bot)

    assert Position.objects.get(pk=futures_bot.position_id).quantity * was < 0
    assert outcomes() == [(before, "ordered"), (after, "ordered")]


def test_on_futures_a_late_turn_only_leaves(futures_bot):
    tell(futures_bot, "enter_long")
    run(futures_bot)
    tell(futures_bot, "enter_short")
    ExternalSignal.objects.update(sent_at=timezone.now() - timedelta(hours=1))

    settle(futures_bot)

    assert (acts(), is_held(futures_bot)) == (["entry", "exit"], False)
    assert outcomes()[-1] == ("enter_short", "expired")


def test_on_futures_an_exit_leaves_its_own_side_only(futures_bot):
    tell(futures_bot, "enter_short")
    run(futures_bot)
    tell(futures_bot, "exit_long")
    run(futures_bot)
    assert is_held(futures_bot)

    tell(futures_bot, "exit_short")
    run(futures_bot)

    assert not is_held(futures_bot)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_said_the_position_is_what_was_said_last(futures_bot, seed):
    """Batches of signals against their sum: what leaves is done first, then the last word is."""
    dice, held = Random(seed), None
    for _ in range(4):
        said = [tell(futures_bot, dice.choice(list(Action))).act for _ in range(dice.randint(1, 3))]
        settle(futures_bot)

        if held and any(act.leaves(held) for act in said):
            held = None
        wanted = None
        for act in said:
            wanted = act.enters or (None if wanted and act.leaves(wanted) else wanted)
        held = held or wanted
        quantity = Position.objects.get(pk=futures_bot.position_id).quantity
        assert quantity.compare(0) == (held.sign if held else 0), said
    ordered = ExternalSignal.objects.filter(outcome="ordered").count()
    assert Order.objects.filter(purpose="entry", status="filled").count() == ordered


# When tasks are lost


def sent_to(broker):
    return broker("high_priority")


def test_a_tick_finds_the_signal_whose_task_was_lost(bot, broker):
    tell(bot, "enter_long")

    tasks.run_all_active_bots()

    assert sent_to(broker) == 1
    assert services.waiting_bots(now=timezone.now()) == ([], [bot.pk])
    run(bot)
    tasks.run_all_active_bots()
    assert sent_to(broker) == 1
    assert is_held(bot)


def test_a_lost_task_is_found_within_seconds_and_a_new_one_is_given_time(bot, broker):
    signal = tell(bot, "exit")
    for age, sent in ((2, 0), (10, 1), (70, 1)):
        ExternalSignal.objects.filter(pk=signal.pk).update(received_at=timezone.now() - timedelta(seconds=age))
        tasks.resume_minute()
        assert sent_to(broker) == sent, age


def test_bots_that_leave_go_first_and_each_goes_once(bot, make_bot, futures_bot):
    leaving = make_bot("webhook_signal")
    for one, action in ((bot, "enter_long"), (leaving, "enter_long"), (leaving, "exit"), (futures_bot, "enter_long")):
        tell(one, action)

    assert services.waiting_bots(now=timezone.now()) == ([leaving.pk, futures_bot.pk], [bot.pk])


def test_what_waits_costs_a_tick_one_statement_however_many_bots_there_are(django_assert_num_queries):
    for action in ("enter_long", "exit", "enter_long"):
        tell(BotFactory(strategy="webhook_signal"), action)

    with django_assert_num_queries(1):
        exits, entries = services.waiting_bots(now=timezone.now())

    assert (len(exits), len(entries)) == (1, 2)


def test_bots_of_other_strategies_do_not_look_for_signals(make_bot):
    bot = make_bot("buying")

    with CaptureQueriesContext(connection) as queries:
        run(bot)

    assert is_held(bot)
    assert not [query for query in queries if "externalsignal" in query["sql"]]


def test_what_a_bot_with_another_strategy_will_not_hear_is_done_with(bot):
    tell(bot, "exit")
    BotConfig.objects.update(strategy="ema_rsi")

    assert services.waiting_bots(now=timezone.now()) == ([], [])
    assert outcomes() == [("exit", "other strategy")]


def test_done_signals_are_kept_as_long_as_decisions_and_what_waits_until_it_is_done(bot, settings):
    settings.DECISIONS_KEPT_DAYS = 10
    for action, days in (("exit", 9), ("enter_long", 11), ("exit_long", 11)):
        tell(bot, action, age=timedelta(days=days))
    ExternalSignal.objects.exclude(action="exit_long").update(outcome="stopped", handled_at=timezone.now())

    tasks.keep_decisions()

    assert [action for action, _ in outcomes()] == ["exit", "exit_long"]


# Telling why


def test_a_decision_keeps_its_signal_and_can_be_told_again(bot):
    signal = tell(bot, "enter_long")
    run(bot)

    decision = Decision.objects.latest("pk")

    assert decision.indicators == {"signal": signal.pk}
    assert decision.candle_close_at == signal.sent_at
    assert str(signal) in explain(bot, at=timezone.now())["decision"]["text"]
    assert (replay(decision).text, replay(decision).differences) == (str(signal), [])
    tell(bot, "exit")
    run(bot)
    assert replay(Decision.objects.latest("pk")).differences == []


def test_what_comes_out_differently_is_told(bot):
    signal = tell(bot, "enter_long")
    run(bot)
    ExternalSignal.objects.filter(pk=signal.pk).update(sender_id="another")

    assert "it was said" in replay(Decision.objects.latest("pk")).differences[0]


def test_a_decision_without_its_signal_says_so(bot):
    run(bot)
    with pytest.raises(NothingToReplay, match="rests on no signal"):
        replay(Decision.objects.latest("pk"))
    tell(bot, "enter_long")
    run(bot)
    ExternalSignal.objects.all().delete()

    with pytest.raises(NothingToReplay, match="which is not kept any more"):
        replay(Decision.objects.latest("pk"))


def test_the_sides_of_actions():
    table = {act.value: (act.enters, act.leaves(Side.BUY), act.leaves(Side.SELL)) for act in Action}

    assert table == {
        "enter_long": (Side.BUY, False, True),
        "enter_short": (Side.SELL, True, False),
        "exit_long": (None, True, False),
        "exit_short": (None, False, True),
        "exit": (None, True, True),
    }
