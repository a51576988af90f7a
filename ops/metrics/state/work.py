"""The tick, beat, and what waits for somebody."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count

from bots.models import Tick
from ops.liveness import BEAT_LATE_AFTER, beat_seen_at
from ops.metrics.state.gauges import (
    ALERTS,
    BEAT_AGE,
    DEAD_LETTERS,
    NOTIFICATION_OLDEST,
    NOTIFICATIONS,
    TICK_AGE,
    TICKS_MISSED,
    UP,
    Reading,
)
from ops.models import Alert, DeadLetter, Severity
from ops.notifications import backlog
from ops.statistics import ticks_missed


def ticks(now: datetime) -> Iterator[Reading]:
    """How long ago the last one began; none yet tells no age."""
    newest = Tick.objects.filter(finished_at__isnull=False).order_by("-started_at")
    if started_at := newest.values_list("started_at", flat=True).first():
        yield TICK_AGE.at((now - started_at).total_seconds())
    yield TICKS_MISSED.at(ticks_missed(now))


def beat(now: datetime) -> Iterator[Reading]:
    """Whether it sends what is due; one that has never sent anything tells no age."""
    seen_at = beat_seen_at()
    yield UP.at(seen_at is not None and now - seen_at <= BEAT_LATE_AFTER, "beat")
    if seen_at is not None:
        yield BEAT_AGE.at(max((now - seen_at).total_seconds(), 0))


def notifications(now: datetime) -> Iterator[Reading]:
    """What is on its way to people."""
    found = backlog(now=now)
    yield NOTIFICATIONS.at(found.waiting)
    yield NOTIFICATION_OLDEST.at(found.late.total_seconds())


def dead_letters(now: datetime) -> Iterator[Reading]:
    """What failed for good."""
    yield DEAD_LETTERS.at(DeadLetter.objects.filter(state=DeadLetter.State.WAITING).count())


def alerts(now: datetime) -> Iterator[Reading]:
    """What is wrong, by how bad it is."""
    found = dict(Alert.objects.open().values_list("severity").annotate(Count("pk")).order_by())
    for severity in Severity:
        yield ALERTS.at(found.get(severity, 0), severity)


READS = (ticks, beat, notifications, dead_letters, alerts)
