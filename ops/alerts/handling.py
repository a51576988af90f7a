"""What people do with alerts: take one in hand, or give it back; and how old ones go."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from ops.models import Alert

MOST_NOTE = 300  # characters


class NotOpen(Exception):
    """It has gone meanwhile, so there is nothing to be taken in hand."""


def acknowledge(alert_id: int, *, by: User, note: str, now: datetime) -> Alert:
    """Somebody has it in hand: nothing more is told of it until it is resolved. Raises NotOpen.

    Who says so again has it from then on, with the new note.
    """
    with transaction.atomic():
        alert = _locked(alert_id)
        alert.acknowledged_at, alert.acknowledged_by, alert.note = now, by, note[:MOST_NOTE]
        alert.remember(f"acknowledged by {by}{f': {alert.note}' if alert.note else ''}", now=now)
        alert.save(update_fields=["acknowledged_at", "acknowledged_by", "note", "history"])
    return alert


def take_back(alert_id: int, *, by: User, now: datetime) -> Alert:
    """Nobody has it in hand any more. Raises NotOpen."""
    with transaction.atomic():
        alert = _locked(alert_id)
        if alert.acknowledged_at:
            alert.acknowledged_at, alert.acknowledged_by, alert.note = None, None, ""
            alert.remember(f"given back by {by}", now=now)
            alert.save(update_fields=["acknowledged_at", "acknowledged_by", "note", "history"])
    return alert


def _locked(alert_id: int) -> Alert:
    alert = Alert.objects.open().select_for_update(of=("self",)).filter(pk=alert_id).first()
    if alert is None:
        raise NotOpen(f"alert {alert_id} is not open")
    return alert


def drop_old_alerts(*, now: datetime) -> int:
    """Delete those that have been over for as long as notifications are kept; how many they were."""
    oldest = now - timedelta(days=settings.NOTIFICATIONS_KEPT_DAYS)
    return Alert.objects.filter(resolved_at__lt=oldest).delete()[0]
