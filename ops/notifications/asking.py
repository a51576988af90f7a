"""Telling somebody something because a person, or their program, asks for it (features A3)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import uuid4

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from market.access import sees_all
from ops.models import Channel, Notification, Severity, Topic
from ops.notifications.counting import require_few
from ops.notifications.topics import titled
from ops.notifications.wishes import Ways
from ops.notifications.writing import News, write_news

MOST_TEXT = 4_000  # characters
TELLS_A_DAY = 1_000  # messages of a program, each with up to twenty deliveries: they are kept for months


class NotForYou(Exception):
    """Only operators tell others something."""


def send_to(
    user: User,
    *,
    topic: str,
    message: str,
    by: User,
    now: datetime,
    channels: Collection[str] = (),
    severity: str = Severity.MEDIUM,
    key: str = "",
) -> Notification:
    """Tell a user something by the chosen kinds of channels, or as they prefer; return what is in their list now.

    With the same ``key`` it is told once. Raises NotForYou, TooSoon, and ValidationError by field.
    """
    if user.pk != by.pk and not sees_all(by):
        raise NotForYou(f"user {user.pk} is somebody else")
    if topic not in Topic.values:
        raise ValidationError({"type": f"{topic!r} is none of {', '.join(Topic.values)}"})
    if not 0 < len(message) <= MOST_TEXT:
        raise ValidationError({"message": f"{len(message)} characters: it needs 1 to {MOST_TEXT}"})
    prefix = f"asked:{by.pk}:"
    if not sees_all(by):
        require_few(user, prefix, what="messages", most=TELLS_A_DAY, now=now)
    ways = _channels(user, channels, now=now) if channels else None
    key = f"{prefix}{key or uuid4().hex}"[:150]
    title = titled(topic, "" if user.pk == by.pk else f"a message of {by}")
    news = News(user.pk, topic, severity, title, message, key, now, data={"by": by.pk}, ways=ways)
    write_news([news], now=now)
    Notification.objects.filter(key=key, task_id=None).update(task_id=uuid4())
    return Notification.objects.get(key=key)


def _channels(user: User, kinds: Collection[str], *, now: datetime) -> Sequence[int]:
    """The user's usable channels of these kinds. Raises ValidationError for a kind that is none, or has none."""
    for kind in kinds:
        if kind not in Channel.Kind.values:
            raise ValidationError({"channels": f"{kind!r} is none of {', '.join(Channel.Kind.values)}"})
    found = [channel for channel in Ways([user.pk], now=now).of(user.pk) if channel.kind in kinds]
    if missing := set(kinds) - {channel.kind for channel in found}:
        raise ValidationError({"channels": f"user {user.pk} has no usable channel: {', '.join(sorted(missing))}"})
    return [channel.pk for channel in found]
