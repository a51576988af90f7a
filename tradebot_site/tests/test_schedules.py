"""Periodic tasks in the admin: operators edit what beat sends, and can't make it send nonsense."""

import json
import re

import pytest
from celery import current_app
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks
from django_celery_results.models import TaskResult

from ops.schedule_runs import note_run

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
        ({"task": "x" * 201, "regtask": ""}, "task", "at most 200"),
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


@pytest.mark.parametrize(("minute", "words"), [("1,,2", "No enumeration"), ("99", "99"), ("x", "x")])
def test_times_that_nobody_can_read_are_refused(admin, db, minute, words):
    times = {"minute": minute, "hour": "0", "day_of_week": "*", "day_of_month": "*", "month_of_year": "*"}

    page = admin.post("/admin/django_celery_beat/crontabschedule/add/", times)

    assert page.status_code == 200
    assert words in str(page.context["adminform"].form.errors)
    assert not CrontabSchedule.objects.exists()


def test_times_by_which_a_task_runs_are_not_deleted(admin, act, schedule):
    url = "/admin/django_celery_beat/intervalschedule/"
    used, unused = schedule.interval, IntervalSchedule.objects.create(every=7, period="days")
    chosen = {"action": "delete_selected", "_selected_action": [used.pk, unused.pk], "post": "yes"}

    page = admin.post(url, chosen, follow=True)
    admin.post(f"{url}{used.pk}/delete/", {"post": "yes"})
    admin.post(f"{url}{unused.pk}/delete/", {"post": "yes"})

    assert "the tick runs by it" in page.content.decode()
    assert list(IntervalSchedule.objects.all()) == [used]
    assert PeriodicTask.objects.exists()


def test_run_now_sends_it_to_its_queue(admin, act, schedule, broker):
    page = act(admin, LIST, "run_now", schedule)

    assert "Tasks sent: 1." in page.content.decode()
    assert broker("trading") == 1
    with current_app.connection_for_read() as connection:
        message = json.loads(connection.default_channel.client.lindex("trading", 0))
    assert message["headers"]["task"] == schedule.task
    assert message["headers"]["expires"]
    assert PeriodicTask.history.latest().changes == [["run", "", "asked for"]]


def test_run_now_without_a_queue_follows_the_routing_table(admin, act, schedule, broker):
    PeriodicTask.objects.update(queue=None, task="trades.tasks.reconcile_orders")

    act(admin, LIST, "run_now", schedule)

    assert broker(settings.CELERY_TASK_ROUTES["trades.tasks.*"]["queue"]) == 1


def test_schedules_are_enabled_and_beat_is_told(admin, act, schedule):
    PeriodicTask.objects.update(enabled=False)
    before = PeriodicTasks.last_change()

    act(admin, LIST, "enable", schedule)

    assert PeriodicTask.objects.get().enabled
    assert PeriodicTasks.last_change() != before


def test_schedules_are_disabled_after_a_question_that_names_them_and_beat_is_told(admin, act, schedule):
    before = PeriodicTasks.last_change()

    asked = act(admin, LIST, "disable", schedule)
    assert "the tick" in asked.content.decode()
    assert PeriodicTask.objects.get().enabled
    admin.post(asked.redirect_chain[-1][0])

    assert not PeriodicTask.objects.get().enabled
    assert PeriodicTasks.last_change() != before


def test_the_list_tells_when_it_runs_next(admin, schedule):
    html = admin.get(LIST).content.decode()

    assert "in 30 s" in html or "in 29 s" in html
    assert "never" in html  # it has not run yet


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"args": "[1]"}, "too many positional arguments"),
        ({"kwargs": '{"nonsense": 1}'}, "unexpected keyword argument &#x27;nonsense&#x27;"),
        ({"task": "bots.tasks.run_bot"}, "missing a required argument"),
    ],
)
def test_arguments_that_the_task_does_not_take_are_refused_and_stay_in_the_form(admin, schedule, changes, words):
    page = admin.post(page_of(schedule), sent(schedule, name="typed", **changes)).content.decode()

    assert words in page
    assert "args and kwargs: " in page
    assert 'value="typed"' in page
    assert PeriodicTask.objects.filter(name="the tick", args="[]").exists()


def test_arguments_that_it_takes_are_taken(admin, schedule):
    task = {"task": "trades.tasks.reconcile_accounts", "kwargs": '{"everything": true}'}

    assert admin.post(page_of(schedule), sent(schedule, **task)).status_code == 302


def test_one_is_run_from_its_page_once_one_has_said_so(admin, schedule, broker):
    url = f"{LIST}{schedule.pk}/run/"

    asked = admin.get(url)
    before = broker("trading")
    told = admin.post(url, follow=True)

    assert f"{schedule.task} is sent to trading" in asked.content.decode()
    assert (before, broker("trading")) == (0, 1)
    assert "Tasks sent: 1." in told.content.decode()
    assert url in admin.get(page_of(schedule)).content.decode()


def test_who_may_only_look_runs_nothing(staff, staff_client, schedule, broker):
    staff.user_permissions.set(staff.user_permissions.filter(codename__startswith="view_"))

    assert staff_client.post(f"{LIST}{schedule.pk}/run/").status_code == 403
    assert broker("trading") == 0


def test_list_and_page_tell_how_the_last_run_ended(admin, schedule):
    note_run("the tick", at=timezone.now(), seconds=1.234, state="FAILURE", error="ValueError: no")

    listed, page = admin.get(LIST).content.decode(), admin.get(page_of(schedule)).content.decode()
    note_run("the tick", at=timezone.now(), seconds=0.5, state="SUCCESS", error="")

    assert re.search(r"failure: ValueError: no in 1\.23 s, \d s ago", listed)
    assert "failure: ValueError: no in 1.23 s" in page
    assert "succeeded in 0.50 s" in admin.get(LIST).content.decode()


def test_crontabs_are_in_utc(admin, db):
    admin.post(
        "/admin/django_celery_beat/crontabschedule/add/",
        {"minute": "0", "hour": "3"}
        | {"day_of_week": "*", "day_of_month": "*", "month_of_year": "*", "timezone": "Asia/Tokyo"},
    )

    assert str(CrontabSchedule.objects.get().timezone) == "UTC"


def test_a_failure_is_read_with_its_error_and_traceback_and_found_by_task_and_outcome(admin, db):
    failed = TaskResult.objects.create(
        task_id="1",
        task_name="bots.tasks.run_bot",
        status="FAILURE",
        result=json.dumps({"exc_type": "ValueError", "exc_message": ["<b>no</b>"], "exc_module": "builtins"}),
        traceback="Traceback\n  line 7",
    )
    TaskResult.objects.create(task_id="2", task_name="bots.tasks.keep_decisions", status="SUCCESS", result="[1]")
    url = "/admin/django_celery_results/taskresult/"

    page = admin.get(f"{url}{failed.pk}/change/").content.decode()
    found = [
        [row.task_id for row in admin.get(f"{url}?{query}").context["cl"].result_list]
        for query in ("task=bots.tasks.run_bot", "outcome=SUCCESS", "q=keep", "date_done_from=2099-01-01")
    ]

    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in page
    assert "Traceback\n  line 7" in page
    assert found == [["1"], ["2"], ["2"], []]
    assert "ValueError" in admin.get(url).content.decode()


def test_empty_lists_say_what_to_do(admin, db):
    assert "Without one nothing trades" in admin.get(LIST).content.decode()
    results = admin.get("/admin/django_celery_results/taskresult/").content.decode()
    assert "Only tasks that fail are written down" in results
