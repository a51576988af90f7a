"""Notifications are dropped when they are old."""

from datetime import datetime, timedelta

from django.conf import settings

from market.dropping import drop
from ops.models import Notification
from ops.notifications.storms import drop_old_storms


def drop_old_notifications(*, now: datetime) -> int:
    """Delete those that are too old, with their deliveries, some at a time; how many they were."""
    drop_old_storms(now=now)
    oldest = now - timedelta(days=settings.NOTIFICATIONS_KEPT_DAYS)
    return drop(Notification.objects.filter(created_at__lt=oldest).order_by("created_at"))
