"""What may be scheduled, and when: what beat can't send, or a worker can't run, is refused."""

import inspect
import json
from typing import Any

from celery.schedules import ParseException, crontab
from django import forms
from django.conf import settings
from django.utils import timezone
from django_celery_beat.admin import PeriodicTaskForm, TaskChoiceField, TaskSelectWidget
from django_celery_beat.models import CrontabSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ops.worker_tasks import worker_tasks


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The registered tasks."""

    def tasks_as_choices(self) -> Any:
        """Celery's are no one's to schedule."""
        names = sorted(name for name in worker_tasks() if not name.startswith("celery."))
        return [("", ""), *((name, name) for name in names)]


class ScheduledTaskForm(PeriodicTaskForm):
    """What beat can't send, or a worker can't run, is refused here."""

    regtask = TaskChoiceField(label="Task (registered)", required=False, widget=TaskSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "task" in self.fields:  # absent from the form of those who only look
            self.fields["task"].widget = UnfoldAdminTextInputWidget()

    def clean(self) -> dict[str, Any]:
        if "task" in self.errors:  # the library's own looks at what is not there
            return self.cleaned_data
        data: dict[str, Any] = super().clean()
        task = worker_tasks().get(data["task"])
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
            except ParseException as error:
                self.add_error(None, f"{error}.")
            except (RuntimeError, ValueError) as error:
                date = f"day {data['day_of_month']} of month {data['month_of_year']}"
                self.add_error("day_of_month", f"day_of_month: {date} never comes ({error}).")
        return data
