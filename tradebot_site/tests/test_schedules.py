"""Periodic tasks in the admin: operators edit what beat sends, and can't make it send nonsense."""

import json

import pytest
from celery import current_app
from django.conf import settings
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks

LIST = "/admin/django_celery_beat/periodictask/"


@pytest.fixture
def schedule(db):
    interval = IntervalSchedule.objects.create(every=30, period="seconds")
    return PeriodicTask.objects.create(
        name="the tick",
        task="bots.tasks.run_all_active_bots",
        interval=interval,
        queue="trading",
        expire_seconds=50,
    )


def sent(schedule, **changes):
    return {
        "name": schedule.name,
        "task": schedule.task,
        "regtask": "",
        "enabled": "on",
        "interval": schedule.interval_id,
        "args": "[]",
        "kwargs": "{}",
        "queue": "trading",
        "expire_seconds": "50",
    } | changes


def page_of(schedule):
    return reverse("admin:django_celery_beat_periodictask_change", args=[schedule.pk])


def test_an_edit_is_saved_and_beat_is_told(admin, schedule):
    faster = IntervalSchedule.objects.create(every=10, period="seconds")
    before = PeriodicTasks.last_change()

    page = admin.post(page_of(schedule), sent(schedule, interval=faster.pk))

    assert page.status_code == 302, page.context["adminform"].form.errors
    assert PeriodicTask.objects.get().interval == faster
    assert PeriodicTasks.last_change() > before


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"task": "bots.tasks.no_such"}, "task", "no worker knows 'bots.tasks.no_such'"),
        ({"task": ""}, "task", "Need name"),
        ({"queue": "tradign"}, "queue", "'tradign' is none of high_priority"),
        ({"args": "{"}, "args", "JSON"),
        ({"args": "{}"}, "args", "list"),
        ({"kwargs": "[]"}, "kwargs", "object"),
        ({"interval": ""}, "__all__", "must be set"),
        ({"name": ""}, "name", "required"),
    ],
)
def test_what_beat_could_not_send_is_refused(admin, schedule, changes, field, words):
    page = admin.post(page_of(schedule), sent(schedule, **changes))

    assert words in " ".join(page.context["adminform"].form.errors[field])
    assert PeriodicTask.objects.filter(task=schedule.task, queue="trading", args="[]").exists()


def test_a_date_that_never_comes_is_refused_because_it_would_end_beat(admin, db):
    crontab = {"minute": "0", "hour": "0", "day_of_week": "*", "month_of_year": "2", "timezone": "UTC"}

    refused = admin.post("/admin/django_celery_beat/crontabschedule/add/", crontab | {"day_of_month": "31"})
    taken = admin.post("/admin/django_celery_beat/crontabschedule/add/", crontab | {"day_of_month": "29"})

    assert "never comes" in refused.context["adminform"].form.errors["day_of_month"][0]
    assert taken.status_code == 302
    assert CrontabSchedule.objects.get().day_of_month == "29"


def test_run_now_sends_it_to_its_queue(admin, act, schedule, broker):
    page = act(admin, LIST, "run_now", schedule)

    assert "Tasks sent: 1." in page.content.decode()
    assert broker("trading") == 1
    with current_app.connection_for_read() as connection:
        message = json.loads(connection.default_channel.client.lindex("trading", 0))
    assert message["headers"]["task"] == schedule.task
    assert message["headers"]["expires"]


def test_run_now_without_a_queue_follows_the_routing_table(admin, act, schedule, broker):
    PeriodicTask.objects.update(queue=None, task="trades.tasks.reconcile_orders")

    act(admin, LIST, "run_now", schedule)

    assert broker(settings.CELERY_TASK_ROUTES["trades.tasks.*"]["queue"]) == 1


@pytest.mark.parametrize(("action", "enabled"), [("disable", False), ("enable", True)])
def test_schedules_are_switched_and_beat_is_told(admin, act, schedule, action, enabled):
    PeriodicTask.objects.update(enabled=not enabled)
    before = PeriodicTasks.last_change()

    act(admin, LIST, action, schedule)

    assert PeriodicTask.objects.get().enabled is enabled
    assert PeriodicTasks.last_change() != before


def test_the_list_tells_when_it_runs_next(admin, schedule):
    html = admin.get(LIST).content.decode()

    assert "in 30 s" in html or "in 29 s" in html
    assert "never" in html  # it has not run yet
