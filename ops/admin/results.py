"""What became of tasks that failed."""

import json

from celery import states
from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django_celery_results.models import GroupResult, TaskResult
from unfold.decorators import display

from market.admin.filters import days, dropdown
from ops.admin.showing import SHOWN, ReadableAdmin, known_tasks, preformatted

for model in (GroupResult, TaskResult):
    admin.site.unregister(model)


@admin.register(TaskResult)
class TaskResultAdmin(ReadableAdmin):
    """Of failures: what succeeds leaves no row, its schedule tells."""

    nothing_yet = (
        "Only tasks that fail are written down here, for three days. How a periodic task ended last is "
        "told by its own page."
    )
    list_display = ["date_done", "task_name", "periodic_task_name", "status", "error", "worker"]
    list_filter = [
        days("date_done"),
        dropdown("task", "task_name", known_tasks),
        dropdown("outcome", "status", lambda request: [(name, name) for name in sorted(states.ALL_STATES)]),
    ]
    search_fields = ["task_name", "task_id"]
    ordering = ["-date_done"]
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
