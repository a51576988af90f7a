"""Schedules and task results, in unfold's clothes. Operators edit schedules here; beat reads them within seconds."""

import inspect
import json
from datetime import timedelta
from typing import Any

from celery import current_app, states
from celery.schedules import crontab
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_celery_results.models import GroupResult, TaskResult
from kombu.exceptions import OperationalError
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from market.admin.asking import ask
from market.admin.filters import days, dropdown
from market.admin.history import RecordedAdmin
from market.admin.text import NOTHING, ago
from market.history import change
from ops.admin.showing import SHOWN, ReadableAdmin, known_tasks, preformatted
from ops.schedule_runs import Run, last_runs

for model in (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
    GroupResult,
    TaskResult,
):
    admin.site.unregister(model)


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The registered tasks."""


class ScheduledTaskForm(PeriodicTaskForm):
    """What beat can't send, or a worker can't run, is refused here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "regtask" in self.fields:  # absent from the form of those who only look
            self.fields["regtask"].widget = TaskSelect()
            self.fields["task"].widget = UnfoldAdminTextInputWidget()

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean()
        current_app.loader.import_default_modules()
        task = current_app.tasks.get(data["task"])
        if task is None:
            self.add_error("task", f"task: no worker knows {data['task']!r}.")
        elif "args" in data and "kwargs" in data:
            self._require_arguments(task, data)
        return data

    def _require_arguments(self, task: Any, data: dict[str, Any]) -> None:
        """Refuse arguments that the task does not take: beat would send them, and a worker fail each time."""
        wanted = inspect.signature(task.run)
        try:
            wanted.bind(*json.loads(data["args"]), **json.loads(data["kwargs"]))
        except TypeError as error:
            self.add_error("kwargs", f"args and kwargs: {error}; {task.name} takes {wanted}.")

    def clean_queue(self) -> str | None:
        queue = self.cleaned_data["queue"]
        if queue and queue not in settings.CELERY_TASK_QUEUES:
            raise forms.ValidationError(f"queue: {queue!r} is none of {', '.join(settings.CELERY_TASK_QUEUES)}.")
        return queue or None

    def clean_args(self) -> str:
        return self._json_of("args", list, "a JSON list is needed, for example [1]")

    def clean_kwargs(self) -> str:
        return self._json_of("kwargs", dict, 'a JSON object is needed, for example {"bot_id": 1}')

    def _json_of(self, name: str, kind: type, wanted: str) -> str:
        value: str = self._clean_json(name)
        if not isinstance(json.loads(value), kind):
            raise forms.ValidationError(f"{name}: {wanted}.")
        return value


def send_now(task: PeriodicTask) -> None:
    """Send what beat would send. Raises OperationalError."""
    current_app.send_task(
        task.task,
        args=json.loads(task.args),
        kwargs=json.loads(task.kwargs),
        queue=task.queue,  # None: the queue of the routing table
        expires=task.expire_seconds,
        headers={"periodic_task_name": task.name},
    )


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(RecordedAdmin):
    form = ScheduledTaskForm
    list_display = ["name", "enabled", "scheduler", "queue", "last_run", "next_run", "outcome", "total_run_count"]
    list_before_template = "admin/ops/no_schedules.html"
    list_select_related = ["interval", "crontab", "solar", "clocked"]
    list_filter = ["enabled"]
    search_fields = ["name", "task"]
    ordering = ["name"]
    actions = ["enable", "disable", "run_now"]
    actions_detail = ["run_this_now"]
    readonly_fields = ["last_run", "next_run", "outcome", "total_run_count"]
    fieldsets = [
        (None, {"fields": ["name", "regtask", "task", "enabled", "description"]}),
        ("Schedule", {"fields": ["interval", "crontab", "start_time", "one_off", *readonly_fields]}),
        ("Message", {"fields": ["args", "kwargs", "queue", "expire_seconds", "priority"]}),
    ]

    @display(description="schedule")
    def scheduler(self, task: PeriodicTask) -> str:
        return str(task.scheduler)

    runs: dict[str, Run]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.runs = last_runs()
        return super().changelist_view(request, extra_context)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.runs = last_runs()
        return super().changeform_view(request, *args, **kwargs)

    @display(description="outcome")
    def outcome(self, task: PeriodicTask) -> str:
        """How the last run ended that a worker told of, by beat or by hand, and how long it took."""
        run = self.runs.get(task.name)
        if run is None:
            return NOTHING
        ended = (
            "succeeded" if run.state == "SUCCESS" else f"{run.state.lower()}: {run.error}" if run.error else run.state
        )
        return f"{ended} in {run.seconds:.2f} s, {ago(run.at, now=timezone.now())}"

    @display(description="last run", ordering="last_run_at")
    def last_run(self, task: PeriodicTask) -> str:
        return ago(task.last_run_at, now=timezone.now())

    @display(description="next run")
    def next_run(self, task: PeriodicTask) -> str:
        """As beat computes it. Beat may be a tick later, and does not run a task that is switched off."""
        if not task.pk or not task.enabled:
            return NOTHING
        now = timezone.now()
        try:
            due, seconds = task.schedule.is_due(task.last_run_at or now)
        except (RuntimeError, ValueError):  # a date that never comes
            return "never"
        return "now" if due else ago(now + timedelta(seconds=seconds), now=now)

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, tasks: QuerySet[PeriodicTask]) -> None:
        self._switch(request, tasks, enabled=True)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, tasks: QuerySet[PeriodicTask]) -> None:
        self._switch(request, tasks, enabled=False)

    def _switch(self, request: HttpRequest, tasks: QuerySet[PeriodicTask], *, enabled: bool) -> None:
        others = tasks.exclude(enabled=enabled)
        for task in others:  # each save also tells beat to read the table again
            change(task, enabled=enabled)
        self.message_user(request, f"Periodic tasks {'enabled' if enabled else 'disabled'}: {len(others)}.")

    @admin.action(description="Run now", permissions=["change"])
    def run_now(self, request: HttpRequest, tasks: QuerySet[PeriodicTask]) -> None:
        sent = 0
        try:
            for task in tasks:
                send_now(task)
                sent += 1
        except OperationalError as error:
            self.message_user(request, f"The broker does not answer: {error}", messages.ERROR)
        self.message_user(request, f"Tasks sent: {sent}.")

    @action(description="Run now", permissions=["change"], icon="play_arrow", url_path="run")
    def run_this_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        task = self.get_object(request, object_id)
        if task is None:
            raise Http404(object_id)
        page = reverse("admin:django_celery_beat_periodictask_change", args=[task.pk])
        if request.method != "POST":
            queue = task.queue or "the queue of its kind"
            says = [f"{task.task} is sent to {queue}, beside its schedule. How it ended is told here soon after."]
            return ask(request, title=f"Run {task.name} now", button="Run now", says=says, back=page)
        self.run_now(request, PeriodicTask.objects.filter(pk=task.pk))
        return HttpResponseRedirect(page)


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(RecordedAdmin):
    list_display = ["__str__", "every", "period"]


class CrontabForm(forms.ModelForm):
    class Meta:
        model = CrontabSchedule
        exclude = ("timezone",)  # noqa: DJ006 - all times here are UTC

    def clean(self) -> dict[str, Any]:
        """Refuse a date that never comes, as 31 February: it would end beat."""
        data = super().clean() or {}
        if not self.errors:
            names = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
            try:
                crontab(**{name: data[name] for name in names}).remaining_delta(timezone.now())
            except (RuntimeError, ValueError) as error:
                date = f"day {data['day_of_month']} of month {data['month_of_year']}"
                self.add_error("day_of_month", f"day_of_month: {date} never comes ({error}).")
        return data


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(RecordedAdmin):
    form = CrontabForm
    list_display = ["__str__", "human_readable"]
    fieldsets = [
        (
            None,
            {
                "fields": ["minute", "hour", "day_of_week", "day_of_month", "month_of_year"],
                "description": "In UTC. * is each, */15 each fifteenth, 1,3 the first and the third.",
            },
        )
    ]


@admin.register(TaskResult)
class TaskResultAdmin(ReadableAdmin):
    """Of failures: what succeeds leaves no row, its schedule tells."""

    list_display = ["date_done", "task_name", "periodic_task_name", "status", "error", "worker"]
    list_filter = [
        days("date_done"),
        dropdown("task", "task_name", known_tasks),
        dropdown("outcome", "status", lambda request: [(name, name) for name in sorted(states.ALL_STATES)]),
    ]
    search_fields = ["task_name", "task_id"]
    ordering = ["-date_done"]
    list_before_template = "admin/ops/no_results.html"
    fieldsets = [
        (None, {"fields": ["task_name", "periodic_task_name", "status", "worker", "task_id"]}),
        ("When", {"fields": ["date_created", "date_started", "date_done"]}),
        ("What", {"fields": ["task_args", "task_kwargs", "answer", "traced"]}),
    ]

    @display(description="error")
    def error(self, result: TaskResult) -> str:
        return Truncator(_told(result)).chars(SHOWN)

    @display(description="result")
    def answer(self, result: TaskResult) -> SafeString | str:
        return preformatted(_told(result))

    @display(description="traceback")
    def traced(self, result: TaskResult) -> SafeString | str:
        return preformatted(result.traceback or "")


def _told(result: TaskResult) -> str:
    """What the task returned, or raised, as text."""
    try:
        told = json.loads(result.result or "null")
    except ValueError:
        return str(result.result)
    if isinstance(told, dict) and "exc_type" in told:
        message = told.get("exc_message")
        said = ", ".join(map(str, message)) if isinstance(message, list) else str(message)
        return f"{told['exc_type']}: {said}"
    return "" if told is None else json.dumps(told)
