"""What faces do with a person's channels beyond one step: changes at once, trials, the table of preferences."""

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from market.fields import SecretUnreadable
from ops.models import Channel, Delivery, Preference, Severity, Topic
from ops.notifications import channels
from ops.notifications.delivering import clean
from ops.notifications.senders.base import Refused, TryAgain
from ops.notifications.storms import SENT_FOR
from ops.notifications.wishes import can_send, wishes_of

_place = threading.BoundedSemaphore(1)  # who waits for a server holds one thread of this process, not all of them


class NotArrived(Exception):
    """A trial did not arrive; the message says why, without the address."""


class OthersTry(Exception):
    """Somebody else waits for a trial in this process; again in a moment."""


class Row(NamedTuple):
    """One cell of a person's table: whether one channel tells of one topic, and from which severity on."""

    channel: int
    topic: str
    is_wanted: bool
    min_severity: str


def change_channel(channel: Channel, *, by: User, now: datetime, **changes: Any) -> None:
    """Change name, target and is_enabled, or some of them, all or nothing. Raises ValidationError, NotYourChannel."""
    channels.require_own(channel, by)
    with transaction.atomic():
        if "target" in changes:
            channels.change_target(channel, changes["target"], by=by, now=now)
        if "is_enabled" in changes:
            channels.switch(channel, is_enabled=changes["is_enabled"], by=by)
        if "name" in changes:
            channel.name = changes["name"]
            try:
                with transaction.atomic():
                    channel.save(update_fields=["name"])
            except IntegrityError as error:
                raise ValidationError({"name": f"there is a channel {channel.name!r} already"}) from error


def try_channel(channel: Channel, *, by: User, now: datetime) -> None:
    """Send a message that says that it arrives, and wait for that. Raises NotArrived, OthersTry, NotYourChannel."""
    channels.require_own(channel, by)
    if not channel.confirmed_at:
        raise NotArrived("confirm the address first")
    if not can_send(channel):
        raise NotArrived("there is no mail server (EMAIL_URL), or no address")
    if not _place.acquire(blocking=False):
        raise OthersTry("somebody else tries a channel just now; again in a moment")
    try:
        channels.send_trial(channel, now=now)
    except (TryAgain, Refused, SecretUnreadable) as error:
        raise NotArrived(clean(str(error), channel)) from None
    finally:
        _place.release()


def table_of(owner: User) -> list[tuple[Channel, list[Row]]]:
    """What holds for each channel and topic, chosen or not."""
    mine = Channel.objects.owned_by(owner).prefetch_related("preferences").order_by("pk")
    return [
        (one, [Row(one.pk, topic, wish.is_wanted, wish.min_severity) for topic, wish in wishes_of(one).items()])
        for one in mine
    ]


def set_table(owner: User, rows: Iterable[Row], *, is_whole: bool) -> None:
    """Set these cells; the others get their defaults if it ``is_whole``. All or nothing.

    Raises ValidationError by field for a channel that is not the owner's, or a topic or severity that is none.
    """
    wanted: Sequence[Row] = list(rows)
    mine = {channel.pk: channel for channel in Channel.objects.owned_by(owner)}
    for row in wanted:
        _require_known("channel", row.channel, mine)
        _require_known("topic", row.topic, Topic.values)
        _require_known("min_severity", row.min_severity, Severity.values)
    with transaction.atomic():
        if is_whole:
            Preference.objects.filter(channel__in=mine).delete()
        for row in wanted:
            channels.set_wish(
                mine[row.channel], row.topic, is_wanted=row.is_wanted, min_severity=row.min_severity, by=owner
            )


def _require_known(name: str, value: object, known: Iterable[object]) -> None:
    if value not in known:
        raise ValidationError({name: f"{value!r} is none of {', '.join(map(str, known)) or 'nothing'}"})


def requeue(deliveries: QuerySet[Delivery], *, now: datetime) -> int:
    """Let those that have failed for good be tried again, as if they were new; how many they were."""
    failed = deliveries.filter(status=Delivery.Status.FAILED)
    return failed.update(
        status=Delivery.Status.PENDING, attempts=0, next_try_at=now, queued_at=None, late_at=now + SENT_FOR
    )
