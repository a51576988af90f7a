"""The tasks that workers know, for a process that is no worker."""

from typing import Any

from celery import current_app
from django.utils.module_loading import autodiscover_modules


def worker_tasks() -> dict[str, Any]:
    """By name. Celery's own way to load them sets up Django anew, and with it logging, in the midst of a request."""
    autodiscover_modules("tasks")
    return dict(current_app.tasks)
