"""What workers and beat tell of themselves, with a real worker and a real beat: who lives, what ran, what waits."""

import os
import sys
import time
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connections
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks
from django_redis import get_redis_connection

from ops import liveness, queues, schedule_runs
from tests.test_browser_admin import database_url

pytestmark = pytest.mark.django_db(transaction=True)
CELERY = [sys.executable, "-m", "celery", "-A", "tradebot_site"]
TASK = "bots.tasks.keep_decisions"


@pytest.fixture(autouse=True)
def nobody_told():
    """No line of another test."""
    redis = get_redis_connection("default")
    redis.delete(liveness.KEY, schedule_runs.KEY)
    yield
    redis.delete(liveness.KEY, schedule_runs.KEY)


@pytest.fixture
def process(spawn, broker):
    """Start a worker, or beat, on the test database."""
    environment = dict(os.environ) | {"DATABASE_URL": database_url()}
    return lambda name, *argv, **more: spawn([*CELERY, *argv], env=environment | more, name=name)


def alive():
    now = timezone.now()
    return [worker.name for worker in liveness.workers(now=now) or [] if not worker.is_silent(now)]


def test_a_worker_tells_that_it_lives_what_it_serves_and_how_a_schedule_ran(process, wait_until):
    worker = process("worker", "worker", "-Q", "maintenance", "-c", "1", "-n", "tester@here", "--without-gossip")
    wait_until(alive, 30, "the worker tells of itself")

    (told,) = liveness.workers(now=timezone.now())
    assert (told.name, told.queues) == ("tester@here", ["maintenance"])
    assert "trading" in liveness.unserved_queues([told], now=timezone.now())
    assert "maintenance" not in liveness.unserved_queues([told], now=timezone.now())

    current_app.send_task(TASK, queue="maintenance", headers={"periodic_task_name": "tidy"})
    run = wait_until(lambda: schedule_runs.last_runs().get("tidy"), 20, "the run is written down")
    assert (run.state, run.error) == ("SUCCESS", "")
    assert 0 < run.seconds < 20
    assert timezone.now() - run.at < timedelta(seconds=60)

    current_app.send_task(TASK, args=["too much"], queue="maintenance", headers={"periodic_task_name": "tidy"})
    run = wait_until(lambda: (it := schedule_runs.last_runs()["tidy"]).error and it, 20, "the failure is written down")
    assert (run.state, run.error[:9]) == ("FAILURE", "TypeError")

    worker.process.terminate()
    wait_until(lambda: not liveness.workers(now=timezone.now()), 20, "a worker that ends is not missed")


def test_one_that_fell_silent_is_missed_for_an_hour():
    now = timezone.now()
    liveness._next_at = 0.0
    liveness.tell_of_worker("gone@here", ["trading"], now=now - timedelta(minutes=5))

    (worker,) = liveness.workers(now=now)

    assert worker.is_silent(now)
    assert "trading" in liveness.unserved_queues([worker], now=now)
    assert liveness.workers(now=now + timedelta(hours=1)) == []


def test_the_oldest_message_tells_since_when_it_waits(broker, wait_until):
    assert queues.waiting_messages()["maintenance"] == (0, None)

    current_app.send_task(TASK, queue="maintenance")
    current_app.send_task(TASK, queue="maintenance")

    depth, age = queues.waiting_messages()["maintenance"]
    assert depth == 2
    assert 0 <= age < 5
    assert wait_until(lambda: queues.waiting_messages()["maintenance"].oldest_seconds > age + 1, 5)


def test_beat_takes_a_change_within_seconds_beats_and_outlives_a_schedule_that_can_not_be(
    process, broker, wait_until, tmp_path
):
    never = CrontabSchedule.objects.create(minute="0", hour="*", day_of_month="31", month_of_year="2")
    PeriodicTask.objects.create(name="never", task=TASK, crontab=never, queue="payments")
    daily = IntervalSchedule.objects.create(every=1, period="days")
    often = IntervalSchedule.objects.create(every=1, period="seconds")
    PeriodicTask.objects.create(name="pulse", task=TASK, interval=often, queue="analytics")
    schedule = PeriodicTask.objects.create(
        name="tidy", task=TASK, interval=daily, queue="maintenance", last_run_at=timezone.now()
    )
    beat = process("beat", "beat", "-l", "INFO", "--pidfile=", HEARTBEAT_FILE=str(tmp_path / "heartbeat"))
    wait_until(lambda: broker("analytics") >= 2, 30, "beat runs")  # its very first look can't tell a change
    assert broker("maintenance") == 0

    schedule.interval = often
    schedule.save()

    wait_until(lambda: broker("maintenance") >= 2, 10, "beat has taken over the change")
    seen = wait_until(liveness.beat_seen_at, 10)
    assert timezone.now() - seen < timedelta(seconds=10)
    assert time.time() - (tmp_path / "heartbeat").stat().st_mtime < 10
    assert "schedule never: it is not run" in beat.text
    assert beat.process.poll() is None
    PeriodicTask.objects.filter(pk=schedule.pk).update(enabled=False)
    PeriodicTasks.update_changed()
    connections.close_all()
