"""Snapshots and reports are kept for some time: they can be made anew from the books."""

from datetime import datetime, timedelta

from django.conf import settings

from market.dropping import drop
from ops.models import PerformanceSnapshot, Report


def drop_old_analytics(*, now: datetime) -> dict[str, int]:
    """Drop what is older than ANALYTICS_KEPT_DAYS, some at a time; how many of each."""
    oldest = now - timedelta(days=settings.ANALYTICS_KEPT_DAYS)
    return {
        "snapshots": drop(PerformanceSnapshot.objects.filter(day__lt=oldest.date()).order_by("pk")),
        "reports": drop(Report.objects.filter(created_at__lt=oldest).order_by("pk")),
    }
