"""A look at everything, every few minutes."""

from celery import shared_task
from django.utils import timezone

from ops import alerts, health
from ops.tasks.notifications import queue_due


@shared_task
def system_health_check() -> str:
    """Look at everything and write it down; how bad the worst of it is.

    People are told by `manage.py watch`; that the watcher itself is silent, they are told from here.
    """
    now = timezone.now()
    report = health.write_report(now=now)
    found = [health.Finding(**{**one, "level": health.Level(one["level"])}) for one in report.findings]
    if alerts.update(found, now=now):
        queue_due()
    return report.level
