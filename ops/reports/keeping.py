"""Snapshots and reports are kept for some time: they can be made anew from the books."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from ops.models import PerformanceSnapshot, Report

CHUNK = 10_000  # rows of one statement


def drop_old_analytics(*, now: datetime) -> dict[str, int]:
    """Drop what is older than ANALYTICS_KEPT_DAYS, some at a time; how many of each."""
    oldest = now - timedelta(days=settings.ANALYTICS_KEPT_DAYS)
    return {
        "snapshots": _drop(PerformanceSnapshot.objects.filter(day__lt=oldest.date())),
        "reports": _drop(Report.objects.filter(created_at__lt=oldest)),
    }


def _drop(rows: QuerySet) -> int:
    dropped = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        dropped += rows.filter(pk__in=keys).delete()[0]
    return dropped
