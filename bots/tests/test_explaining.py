"""Why a bot did what it did can be told, and computed once more."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from bots import services
from bots.models import Decision, Tick
from bots.services.explaining import NothingToReplay, explain, replay

pytestmark = pytest.mark.django_db(transaction=True)


def tick(now=None):
    now = now or timezone.now()
    tick_id, packets = services.run_all_active_bots(now=now)
    for packet in packets:
        list(services.evaluate(packet, tick_id=tick_id, clock=lambda: now))


def run_command(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def bot(make_bot):
    """A bot that has seen a tick, and never enters."""
    bot = make_bot("ema_rsi", parameters={"rsi_oversold": 0.0, "rsi_overbought": 0.001})
    tick()
    return bot


def test_a_decision_keeps_what_it_was_made_of(bot):
    decision = Decision.objects.get()

    assert (decision.strategy, decision.revision, decision.parameters) == ("ema_rsi", 1, bot.parameters)
    assert set(decision.indicators) == {"ema_fast", "ema_slow", "rsi"}


def test_a_decision_computed_anew_is_the_same(bot):
    assert replay(Decision.objects.get()).differences == []


def test_what_comes_out_differently_is_told(bot):
    decision = Decision.objects.get()
    decision.indicators["rsi"] += 0.001

    (difference,) = replay(decision).differences

    assert difference.startswith("rsi was ")


def test_a_decision_without_a_reading_is_not_replayed(make_bot):
    make_bot("quiet", account__api_key="")
    tick()

    with pytest.raises(NothingToReplay):
        replay(Decision.objects.get())


def test_the_same_thought_is_counted_by_the_ticks(bot):
    now = timezone.now()
    Tick.objects.all().delete()
    for minute in (1, 2, 3):
        Tick.objects.create(slot=now + timedelta(minutes=minute), started_at=now + timedelta(minutes=minute))

    told = explain(bot, at=now + timedelta(minutes=2, seconds=1))

    assert told["decision"]["thought_again"] == 2


def test_a_moment_in_the_past_shows_what_was_thought_then(bot):
    first = Decision.objects.get()
    later = first.created_at + timedelta(minutes=5)
    Decision.objects.create(bot=bot, status="paused", reason="kill switch", text="halted", created_at=later)

    assert explain(bot, at=later - timedelta(seconds=1))["decision"]["id"] == first.pk
    after = explain(bot, at=later)
    assert after["decision"]["text"] == "halted"
    assert [before["id"] for before in after["before"]] == [first.pk]
    assert explain(bot, at=first.created_at - timedelta(seconds=1))["decision"] is None


def test_the_commands_tell_people_and_programs(bot):
    decision = Decision.objects.get()

    assert "no signal" in run_command("explain", bot.name)
    assert json.loads(run_command("explain", str(bot.pk), "--json"))["decision"]["id"] == decision.pk
    assert "the same as then" in run_command("replay", str(decision.pk))


def test_a_difference_is_exit_1(bot):
    Decision.objects.update(indicators={"rsi": 1.0})

    with pytest.raises(SystemExit):
        run_command("replay", str(Decision.objects.get().pk))


@pytest.mark.parametrize("arguments", [("explain", "nobody"), ("replay", "999"), ("explain", "bot 1", "--at", "noon")])
def test_what_is_not_there_is_named(db, arguments):
    with pytest.raises(CommandError, match=r"nobody|999|noon|bot 1"):
        run_command(*arguments)
