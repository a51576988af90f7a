"""A minute whose tasks are gone is sent again: all of it, or the bots of which nobody has heard since."""

from datetime import timedelta

import pytest
from celery import Task
from django.utils import timezone

from bots import services, tasks
from bots.models import BotConfig, BotState, Tick

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def minute():
    """The moment at which a minute began."""
    return timezone.now().replace(second=0, microsecond=0)


def later(minute, seconds):
    return minute + timedelta(seconds=seconds)


def evaluate(tick_id, packets):
    for packet in packets:
        list(services.evaluate(packet, tick_id=tick_id, clock=timezone.now))


def test_a_minute_that_was_claimed_and_not_evaluated_is_sent_again(make_bot, minute):
    make_bot("quiet")
    tick_id, packets = services.run_all_active_bots(now=minute)

    missing = services.resume_minute(now=later(minute, 11))

    assert (missing.tick_id, list(missing.packets), list(missing.bots)) == (tick_id, packets, [])


def test_a_minute_that_nobody_has_claimed_is_claimed(make_bot, minute):
    make_bot("quiet")

    missing = services.resume_minute(now=later(minute, 11))

    assert missing.tick_id == Tick.objects.get().pk
    assert len(missing.packets) == 1


def test_bots_of_which_nobody_has_heard_since_are_named(make_bot, minute):
    ran, noted, silent = (make_bot("buying") for _ in range(3))
    make_bot("quiet")
    evaluate(*services.run_all_active_bots(now=minute))
    services.run_bot(ran.pk, now=timezone.now())
    BotState.objects.filter(bot=noted).update(changed_at=timezone.now())

    missing = services.resume_minute(now=later(minute, 11))

    assert (list(missing.packets), list(missing.bots)) == ([], [silent.pk])


def test_it_is_resumed_by_one_caller_at_a_time_and_again_after_a_while(make_bot, minute):
    silent = make_bot("buying")
    evaluate(*services.run_all_active_bots(now=minute))

    found = [services.resume_minute(now=later(minute, seconds)) for seconds in (5, 11, 12, 22, 55)]

    assert [missing and list(missing.bots) for missing in found] == [None, [silent.pk], None, [silent.pk], None]


def test_a_minute_in_which_all_is_done_costs_nothing_more(make_bot, minute):
    make_bot("buying")
    evaluate(*services.run_all_active_bots(now=minute))
    services.run_bot(BotConfig.objects.get().pk, now=timezone.now())

    missing = services.resume_minute(now=later(minute, 11))

    assert (list(missing.packets), list(missing.bots)) == ([], [])


def test_the_nudge_at_midnight_is_not_taken_for_a_second_beat(monkeypatch):
    monkeypatch.setattr(Task, "apply_async", lambda self, args=(), kwargs=None, **_: self.apply(args, kwargs))

    tasks.run_all_active_bots()
    tasks.reactivate_bots_after_reset()

    assert list(Tick.objects.values_list("doubles", flat=True)) == [0]
