"""Schedules, in unfold's clothes. Operators edit them here; beat reads them within seconds."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from celery import current_app
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from kombu.exceptions import OperationalError
from unfold.decorators import action, display

from market.admin.asking import ask
from market.admin.history import RecordedAdmin
from market.admin.text import NOTHING, ago
from market.history import change, tell
from ops.admin.schedule_forms import CrontabForm, ScheduledTaskForm
from ops.schedule_runs import Run, last_runs
from ops.schedules import SCHEDULES

MOST = 200  # disabled at once

for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(model)


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
    nothing_yet = (
        "Without one nothing trades. manage.py prepare, which make up runs, creates those that the system needs."
    )
    form = ScheduledTaskForm
    list_display = ["name", "enabled", "scheduler", "queue", "last_run", "next_run", "outcome", "total_run_count"]
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
    def disable(self, request: HttpRequest, tasks: QuerySet[PeriodicTask]) -> HttpResponse:
        chosen = urlencode({"id": list(tasks.values_list("pk", flat=True))}, doseq=True)
        return HttpResponseRedirect(f"{reverse('admin:django_celery_beat_periodictask_disable')}?{chosen}")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.disable_view)
        return [path("disable/", view, name="django_celery_beat_periodictask_disable"), *super().get_urls()]

    def disable_view(self, request: HttpRequest) -> HttpResponse:
        """Ask first: without the tick no bot trades, without the protections no stop is set."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        ids = [int(one) for one in request.GET.getlist("id")[:MOST] if one.isdecimal() and len(one) < 10]
        tasks = PeriodicTask.objects.filter(pk__in=ids, enabled=True).order_by("name")
        back = reverse("admin:django_celery_beat_periodictask_changelist")
        if request.method == "POST":
            self._switch(request, tasks, enabled=False)
            return HttpResponseRedirect(back)
        needed = {schedule.name for schedule in SCHEDULES}
        facts = [(task.name, "the platform relies on it" if task.name in needed else "of your own") for task in tasks]
        says = ["What these do is not done any more, until somebody enables them again:"]
        return ask(
            request,
            title=f"Disable: {len(facts)} periodic task{'s' * (len(facts) != 1)}",
            button="Disable",
            says=says if facts else ["None of them is enabled."],
            facts=facts,
            danger=True,
            back=back,
        )

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
                tell(task, "run", "", "asked for")
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


class TimesAdmin(RecordedAdmin):
    """Times that tasks share: while one of them runs by it, it stays, for the task would go with it."""

    nothing_yet = "Periodic tasks run by such times: add one, then choose it there."

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_used = obj is not None and obj.periodictask_set.exists()
        return super().has_delete_permission(request, obj) and not is_used

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[str], dict[str, int], set[str], Any]:
        held = [
            f"{times}: {task.name} runs by it: give it another one first"
            for times in objs
            for task in times.periodictask_set.order_by("name")
        ]
        return [str(times) for times in objs], {"times": len(objs)}, set(), held


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(TimesAdmin):
    list_display = ["__str__", "every", "period"]


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(TimesAdmin):
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
