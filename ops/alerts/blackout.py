"""While PostgreSQL is away: whom to tell, and by which ways, is known by heart; what was told is written down later.

Addresses and keys of channels are in this process's memory only, as the database has them: encrypted.
"""

import re
from collections.abc import Collection, Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from ops.alerts import life, updating, words
from ops.alerts.direct import Post
from ops.health.findings import Finding
from ops.models import Alert, Channel, Severity, Topic
from ops.notifications.senders.base import Message
from ops.notifications.wishes import Ways
from ops.notifications.writing import operators

Channels = dict[Severity, list[Channel]]


@dataclass(frozen=True)
class Known:
    """What the database has said last: by which channels operators want alerts, and which there are."""

    channels: Channels = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)


def learn_channels(*, now: datetime) -> Channels:
    """Who is to be told by which ways, by severity. Raises what the database raises."""
    users = operators()
    ways = Ways(users, now=now)
    return {
        severity: [channel for user in users for channel in ways.wanted(user, Topic.SYSTEM_ALERT, severity)]
        for severity in words.SEVERITY.values()
    }


class Blackout:
    """From the first look that found the database away until what was told is written down."""

    def __init__(self, known: Known) -> None:
        self.channels = known.channels
        self.alerts = {mark: copy(alert) for mark, alert in known.alerts.items()}
        self.told: dict[str, list[Post]] = {}

    def see(self, findings: Iterable[Finding], *, now: datetime) -> None:
        """Tell what there is to be told, by the rules of every day; go on with what was not taken yet."""
        for finding in findings:
            if finding.is_well:
                continue
            mark = finding.fingerprint
            alert = self.alerts.setdefault(mark, updating.suspicion(finding, now=now))
            life.see_bad(alert, finding, now=now)
            if life.is_to_be_told(alert, now=now):
                life.note_told(alert, now=now)
                self.told[mark] = self._posts(alert, now=now)
        for posts in self.told.values():
            for post in posts:
                post.send()

    def _posts(self, alert: Alert, *, now: datetime) -> list[Post]:
        telling = words.come([alert])
        message = Message(
            id=f"alert-{re.sub(r'[^A-Za-z0-9]+', '-', alert.fingerprint)}-{int(now.timestamp())}",
            topic=Topic.SYSTEM_ALERT,
            severity=telling.severity,
            title=telling.title,
            text=telling.text,
            at=now,
            data={"alerts": [{"check": alert.check_name, "subject": alert.subject}], "is_over": False},
        )
        return [Post(channel, message) for channel in self.channels.get(telling.severity, [])]

    @property
    def is_sending(self) -> bool:
        """Whether nobody knows yet what has arrived."""
        return any(post.is_at_work for posts in self.told.values() for post in posts)

    def write_down(self, *, now: datetime) -> None:
        """The database is back: what was told becomes an alert that is told already; who was not reached hears it now.

        Raises what the database raises; then all of it is to be done again.
        """
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [updating.LOCK])
            for mark, posts in self.told.items():
                alert = copy(self.alerts[mark])
                if _is_news(alert):
                    missed = [post.channel.pk for post in posts if not post.is_taken]
                    _write(alert, missed, now=now)


def _is_news(alert: Alert) -> bool:
    """Whether nobody else has told it since we knew it by heart; the alert is given the row that it belongs to."""
    known = Alert.objects.filter(pk=alert.pk).first() if alert.pk else None
    if known is not None:
        return known.tellings < alert.tellings
    # Somebody whose connection still worked may have seen it, too: a suspicion becomes our alert.
    alert.pk = None
    other = Alert.objects.filter(fingerprint=alert.fingerprint, resolved_at=None).first()
    if other is not None:
        alert.pk = other.pk
    return other is None or other.told_at is None


def _write(alert: Alert, missed: Collection[int], *, now: datetime) -> None:
    alert.save()
    updating.tell([alert], words.come([alert]), now=now, ways=missed)
