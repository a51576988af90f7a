"""Schedules and task results, in unfold's clothes. Operators edit schedules here; beat reads them within seconds."""

import json
from datetime import timedelta
from typing import Any

from celery import current_app
from celery.schedules import crontab
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
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
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from market.admin.base import ReadOnlyAdmin
from market.admin.history import RecordedAdmin
from market.admin.text import NOTHING, ago
from market.history import change

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
        if data["task"] not in current_app.tasks:
            self.add_error("task", f"task: no worker knows {data['task']!r}.")
        return data

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


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(RecordedAdmin):
    form = ScheduledTaskForm
    list_display = ["name", "enabled", "scheduler", "queue", "last_run", "next_run", "total_run_count"]
    list_select_related = ["interval", "crontab", "solar", "clocked"]
    list_filter = ["enabled"]
    search_fields = ["name", "task"]
    ordering = ["name"]
    actions = ["enable", "disable", "run_now"]
    readonly_fields = ["last_run", "next_run", "total_run_count"]
    fieldsets = [
        (None, {"fields": ["name", "regtask", "task", "enabled", "description"]}),
        ("Schedule", {"fields": ["interval", "crontab", "start_time", "one_off", *readonly_fields]}),
        ("Message", {"fields": ["args", "kwargs", "queue", "expire_seconds", "priority"]}),
    ]

    @display(description="schedule")
    def scheduler(self, task: PeriodicTask) -> str:
        return str(task.scheduler)

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
                current_app.send_task(
                    task.task,
                    args=json.loads(task.args),
                    kwargs=json.loads(task.kwargs),
                    queue=task.queue,  # None: the queue of the routing table
                    expires=task.expire_seconds,
                    headers={"periodic_task_name": task.name},
                )
                sent += 1
        except OperationalError as error:
            self.message_user(request, f"The broker does not answer: {error}", messages.ERROR)
        self.message_user(request, f"Tasks sent: {sent}.")


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(RecordedAdmin):
    list_display = ["__str__", "every", "period"]


class CrontabForm(forms.ModelForm):
    class Meta:
        model = CrontabSchedule
        fields = "__all__"  # noqa: DJ007

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


@admin.register(TaskResult)
class TaskResultAdmin(ReadOnlyAdmin):
    list_display = ["date_done", "task_name", "periodic_task_name", "status", "worker", "task_id"]
    list_filter = ["status"]
    search_fields = ["task_name", "task_id"]
    ordering = ["-id"]
