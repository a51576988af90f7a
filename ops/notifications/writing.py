"""Writing what people are told, and by which ways, in one transaction."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from market.models import SEE_ALL_ROWS
from ops.models import Notification, Severity, Topic
from ops.notifications.storms import write_deliveries
from ops.notifications.topics import titled
from ops.notifications.wishes import Ways

# Who tells it a second time gets no row, and so no deliveries. Sorted: of two who tell the same the second waits.
INSERT_SQL = """
    INSERT INTO ops_notification (user_id, topic, severity, title, text, data, subject, event_id, key, created_at)
    SELECT * FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]::jsonb[], %s::text[],
                         %s::bigint[], %s::text[], %s::timestamptz[])
        ON CONFLICT (key) DO NOTHING
 RETURNING id, key
"""
COLUMNS = ("user_id", "topic", "severity", "title", "text", "data", "subject", "event_id", "key", "at")


@dataclass(frozen=True)
class News:
    """What one user is to be told. With ``ways``, channels by their ids, by these instead of those they prefer."""

    user_id: int
    topic: str
    severity: str
    title: str
    text: str
    key: str
    at: datetime
    subject: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    event_id: int | None = None
    ways: Collection[int] | None = None
    is_sent: bool = True  # False: it only stands in the list


def write_news(news: Sequence[News], *, now: datetime) -> int:
    """Write what is not known by its key yet, with the deliveries; return how many were new."""
    if not news:
        return 0
    with transaction.atomic():
        written = _insert(sorted(news, key=lambda item: item.key))
        sent = [(item, note) for item, note in written if item.is_sent]
        if sent:
            ways = Ways({item.user_id for item, _ in sent}, now=now)
            pairs = [(note, channel) for item, note in sent for channel in _channels(item, ways)]
            write_deliveries(pairs, now=now)
    return len(written)


def _insert(news: Sequence[News]) -> list[tuple[News, Notification]]:
    """Those that were new with their rows, in the order in which they happened."""
    columns = [[_plain(getattr(item, name)) for item in news] for name in COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute(INSERT_SQL, columns)
        ids = {key: number for number, key in cursor.fetchall()}
    new = sorted((item for item in news if item.key in ids), key=lambda item: (item.at, item.event_id or 0, item.key))
    return [
        (item, Notification(pk=ids[item.key], topic=item.topic, severity=item.severity, subject=item.subject))
        for item in new
    ]


def _plain(value: Any) -> Any:
    """A value as the driver sends it: it would send a choice by its name in the code, and no dictionary at all."""
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value) if isinstance(value, str) else value


def _channels(item: News, ways: Ways) -> Iterable[Any]:
    if item.ways is not None:
        return [channel for channel in ways.of(item.user_id) if channel.pk in item.ways]
    return ways.wanted(item.user_id, item.topic, item.severity)


def notify(
    users: Iterable[int],
    topic: Topic,
    text: str,
    *,
    key: str,
    now: datetime,
    severity: Severity = Severity.LOW,
    title: str = "",
    about: str = "",
    subject: str = "",
    ways: Collection[int] | None = None,
    **data: Any,
) -> int:
    """Tell users, by their ids, once for each ``key``; return how many were told now.

    In the caller's transaction, if there is one. ``about`` is for the title, ``subject`` says what makes many of them
    one storm, ``data`` is JSON for programs; none of it holds secrets. ``ways`` are channels to take instead of
    those that users prefer: none at all leaves it in their lists.
    """
    news = [
        News(
            user_id=user,
            topic=topic,
            severity=severity,
            title=title[:200] or titled(topic, about),
            text=text,
            key=f"{key}:{user}"[:150],
            at=now,
            subject=subject[:60],
            data=data,
            ways=ways,
        )
        for user in set(users)
    ]
    return write_news(news, now=now)


def operators() -> list[int]:
    """Who looks after the platform, by their ids: whoever sees everybody's rows."""
    found = User.objects.with_perm(SEE_ALL_ROWS, backend="django.contrib.auth.backends.ModelBackend")
    return list(found.order_by("pk").values_list("pk", flat=True))


def notify_operators(text: str, *, key: str, now: datetime, severity: Severity = Severity.HIGH, **more: Any) -> int:
    """Tell all operators something of the platform, once for each ``key``; see ``notify``."""
    return notify(operators(), Topic.SYSTEM_ALERT, text, key=key, now=now, severity=severity, **more)
