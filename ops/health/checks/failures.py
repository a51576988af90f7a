"""What failed, and what nobody was told: tasks, dead letters, notifications."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min
from django_celery_results.models import TaskResult

from ops.health.bounds import level_of, told
from ops.health.checks.mends import mend
from ops.health.findings import Finding, Level
from ops.models import Channel, DeadLetter, Delivery
from ops.notifications.writing import operators

ERRORS_OF = timedelta(minutes=10)
LATE_SECONDS = (300, 1800)


def errors(now: datetime) -> list[Finding]:
    """Tasks that failed within ten minutes, each try counted."""
    failed = TaskResult.objects.filter(status="FAILURE", date_done__gte=now - ERRORS_OF).count()
    bounds = settings.HEALTH_ERRORS
    level = level_of(failed, bounds)
    text = f"{failed} tasks failed within 10 minutes {told(bounds)}"
    advice = mend("Which: /admin/django_celery_results/taskresult/?outcome=FAILURE.", "Tasks fail")
    return [Finding("errors", level, text, "" if level is Level.OK else advice, value=failed)]


def dead_letters(now: datetime) -> list[Finding]:
    """What failed for good waits for somebody to decide."""
    count = DeadLetter.objects.filter(state=DeadLetter.State.WAITING).count()
    if not count:
        return [Finding("dead-letters", Level.OK, "no dead letter waits", value=0)]
    advice = mend("Requeue or discard them: /admin/ops/deadletter/?state__exact=waiting.", "Dead letters")
    return [Finding("dead-letters", Level.WARNING, f"{count} dead letters wait for somebody", advice, value=count)]


def notifications(now: datetime) -> list[Finding]:
    """What is to be sent is sent in time, and those who look after the platform can be told."""
    return [_late(now), *_unreachable(now)]


def _late(now: datetime) -> Finding:
    at_work = Delivery.objects.filter(status__in=(Delivery.Status.PENDING, Delivery.Status.SENDING))
    due = at_work.filter(next_try_at__lt=now).aggregate(count=Count("pk"), first=Min("next_try_at"))
    seconds = (now - due["first"]).total_seconds() if due["first"] else 0.0
    level = level_of(seconds, LATE_SECONDS)
    text = f"{due['count']:,} notifications are due, the first for {seconds:.0f} s {told(LATE_SECONDS, ' s')}"
    advice = mend("Does the worker of notifications live? manage.py workers.", "Notifications late")
    return Finding("notifications", level, text, "" if level is Level.OK else advice, value=round(seconds, 1))


def _unreachable(now: datetime) -> list[Finding]:
    """Operators' own channels: an alert by one of these reaches nobody."""
    failing = Channel.objects.usable().filter(failing_since__lt=now - timedelta(seconds=LATE_SECONDS[0]))
    advice = mend("Try it, or mend it: /admin/ops/channel/.", "Notifications late")
    return [
        Finding(
            "notifications", Level.WARNING, f"nothing arrives by {channel}", advice, subject=f"channel {channel.pk}"
        )
        for channel in failing.filter(owner__in=operators())[:5]
    ]
