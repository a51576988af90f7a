"""What a person does with bots: start, stop, pause and resume entries, reset the day; each as it was seen."""

import threading
from decimal import Decimal
from time import monotonic

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots import services
from bots.models import BotConfig, BotState
from bots.services import OPERATIONS, Seen, operating
from bots.tests.factories import BotFactory
from market.tests.factories import NOON
from trades.models import Event, Order, Position
from trades.tests.factories import OrderFactory

pytestmark = pytest.mark.django_db(transaction=True)


def operate(name, *seen, bots=None, now=NOON):
    return services.operate_on(OPERATIONS[name], seen, BotConfig.objects.all() if bots is None else bots, now=now)


def seen_of(bot):
    return Seen.of(BotConfig.objects.get(pk=bot.pk))


def state_of(bot):
    state = BotState.objects.get(pk=bot.pk)
    return state.status, state.reason


def hold(bot, quantity="0.5"):
    Position.objects.filter(pk=bot.position_id).update(quantity=Decimal(quantity), entry_price=50_000, opened_at=NOON)


def test_a_pause_takes_back_entries_that_are_not_sent_and_leaves_exits_alone():
    bot = BotFactory(state__status="waiting", state__reason="no signal")
    orders = [OrderFactory(position=bot.position, purpose=purpose) for purpose in ("exit", "protection", "entry")]

    acted = operate("pause", seen_of(bot))

    assert (acted.done, acted.left_out) == ([bot.pk], [])
    assert BotConfig.objects.get().entries_paused
    assert state_of(bot) == ("paused", "entries paused")
    assert [Order.objects.get(pk=order.pk).status for order in orders] == ["intended", "intended", "canceled"]
    assert "entries are paused" in Event.objects.get(kind="bot_paused").message


def test_a_bot_that_holds_something_keeps_its_status_when_its_entries_are_paused():
    bot = BotFactory(state__status="running")
    hold(bot)

    operate("pause", seen_of(bot))

    assert state_of(bot) == ("running", "")


def test_resuming_ends_a_pause_and_nothing_else():
    bot = BotFactory(entries_paused=True, state__status="paused", state__reason="entries paused")
    other = BotFactory(entries_paused=True, state__status="paused", state__reason="kill switch")

    operate("resume", seen_of(bot), seen_of(other))

    assert not BotConfig.objects.filter(entries_paused=True).exists()
    assert (state_of(bot), state_of(other)) == (("pending", ""), ("paused", "kill switch"))
    assert set(Event.objects.values_list("kind", flat=True)) == {"entries_resumed"}


def test_a_reset_lets_a_bot_go_that_its_day_had_paused():
    bot = BotFactory(state__status="paused", state__reason="max daily loss reached")
    other = BotFactory(state__status="paused", state__reason="kill switch")

    operate("reset_day", seen_of(bot), seen_of(other))

    assert set(BotState.objects.values_list("day_from", flat=True)) == {NOON}
    assert (state_of(bot), state_of(other)) == (("pending", ""), ("paused", "kill switch"))
    assert set(Event.objects.values_list("kind", flat=True)) == {"day_reset"}


@pytest.mark.parametrize(
    ("name", "fields", "why"),
    [
        ("start", {}, "runs already"),
        ("stop", {"desired_state": "stopped"}, "stopped already"),
        ("flatten", {"desired_state": "flattened"}, "to be closed already"),
        ("pause", {"entries_paused": True}, "paused already"),
        ("resume", {}, "not paused"),
        ("run_now", {"desired_state": "stopped"}, "stopped, and holds nothing"),
    ],
)
def test_an_act_that_would_change_nothing_says_why_and_does_nothing(name, fields, why):
    bot = BotFactory(name="the bot", **fields)

    assert operate(name, seen_of(bot)).left_out == [("the bot", why)]
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("change", ["revision", "desired_state", "entries_paused"])
def test_a_bot_that_changed_after_it_was_seen_is_left_out(name, change):
    bot = BotFactory(name="the bot")
    seen = seen_of(bot)
    values = {"revision": 2, "desired_state": "stopped" if name != "stop" else "flattened", "entries_paused": True}
    BotConfig.objects.update(**{change: values[change]})

    acted = operate(name, seen)

    assert (acted.done, acted.left_out) == ([], [("the bot", "changed meanwhile")])
    assert not Event.objects.exists()


@pytest.mark.parametrize(("name", "each"), [("start", 7), ("stop", 9), ("pause", 8), ("resume", 7)])
def test_a_bot_costs_its_lock_what_it_is_and_one_statement_for_each_row_that_is_written(name, each):
    fields = {"start": {"desired_state": "stopped"}, "resume": {"entries_paused": True}}.get(name, {})
    reason = {"state__status": "paused", "state__reason": "entries paused"} if name == "resume" else {}
    seen = [seen_of(BotFactory(**fields, **reason)) for _ in range(3)]

    with CaptureQueriesContext(connection) as asked:
        operate(name, *seen)

    said = [query["sql"] for query in asked if query["sql"].startswith(("SELECT", "UPDATE", "INSERT"))]
    assert len(said) == 1 + 3 * each, "\n".join(said)  # one for all: whose bots they are


def test_neither_a_strangers_bot_nor_one_that_is_gone_is_touched_and_the_others_are():
    own, strange, gone = BotFactory(name="own"), BotFactory(name="strange"), BotFactory(name="gone")
    seen = [seen_of(bot) for bot in (strange, gone, own)]
    BotState.objects.filter(pk=gone.pk).delete()
    BotConfig.objects.filter(pk=gone.pk).delete()

    acted = operate("stop", *seen, bots=BotConfig.objects.filter(owner=own.owner))

    assert acted.done == [own.pk]
    assert {why for _, why in acted.left_out} == {"deleted meanwhile"}
    assert "strange" not in dict(acted.left_out)  # nor is it told that it is there
    assert BotConfig.objects.get(pk=strange.pk).desired_state == "running"


def test_bots_whose_locks_are_held_are_left_out_and_keep_the_others_waiting_for_a_bounded_time(monkeypatch):
    monkeypatch.setattr(operating, "PATIENCE", 0.3)
    held_ones, free = [BotFactory(name=f"busy {number}") for number in range(20)], BotFactory(name="free")
    seen = [seen_of(bot) for bot in (*held_ones, free)]
    held, done, found = threading.Event(), threading.Event(), []

    def work():
        try:
            held.wait(5)
            began = monotonic()
            found.extend([operate("stop", *seen), monotonic() - began])
        finally:
            connection.close()
            done.set()

    worker = threading.Thread(target=work)
    worker.start()
    with transaction.atomic():
        list(BotState.objects.select_for_update().filter(bot__in=held_ones))
        held.set()
        assert done.wait(10)
    worker.join()

    assert found[0].done == [free.pk]
    assert {why for _, why in found[0].left_out} == {"busy"}
    assert len(found[0].left_out) == 20
    assert 0.3 <= found[1] < 3  # each of them by itself would have been 6


def test_a_paused_bot_enters_nothing_and_still_leaves(make_bot, price_is):
    bot = make_bot("buying", stop_loss_percent=Decimal(2))
    operate("pause", seen_of(bot))

    services.run_bot(bot.pk, now=timezone.now())
    assert not Order.objects.exists()
    assert state_of(bot) == ("paused", "entries paused")

    operate("resume", seen_of(bot))
    services.run_bot(bot.pk, now=timezone.now())
    assert Position.objects.get(pk=bot.position_id).is_open

    operate("pause", seen_of(bot))
    price_is(int(Position.objects.get(pk=bot.position_id).entry_price * Decimal("0.9")))
    services.run_bot(bot.pk, now=timezone.now())
    assert not Position.objects.get(pk=bot.position_id).is_open


def test_many_paused_bots_are_told_in_one_go_by_a_tick(make_bot):
    bots = [make_bot("buying", entries_paused=True) for _ in range(3)]
    tick_id, packets = services.run_all_active_bots(now=timezone.now())

    found = [list(services.evaluate(packet, tick_id=tick_id, clock=timezone.now)) for packet in packets]

    assert [item.entries for items in found for item in items] == [[] for items in found for _ in items]
    assert {state_of(bot) for bot in bots} == {("paused", "entries paused")}
