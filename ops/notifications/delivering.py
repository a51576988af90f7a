"""Sending one notification by one channel: claimed in the database, sent with no transaction open, written down.

A worker that dies in between leaves a claim that runs out, and the delivery is tried again: nothing is lost, and what
had arrived by then arrives twice, with the same id. docs/notifications.md says what that means for each kind.
"""

import logging
import random
from datetime import datetime, timedelta
from traceback import extract_tb

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from market.fields import SecretUnreadable
from market.redaction import plain_text
from market.types import Clock
from ops.metrics.process import DELIVERIES, DELIVERY_SECONDS
from ops.models import Channel, Delivery, Notification, Severity, Topic
from ops.notifications import pauses
from ops.notifications.due import SLOW, SLOW_FOR
from ops.notifications.senders import SENDERS
from ops.notifications.senders.base import Message, Refused, TryAgain, Unreachable, without
from ops.notifications.storms import SENT_FOR
from ops.notifications.wishes import Ways, can_send
from ops.notifications.writing import notify, notify_operators

logger = logging.getLogger(__name__)

ATTEMPTS = 5
FIRST_RETRY_SECONDS, MOST_RETRY_SECONDS = 4, 300
LEASE = timedelta(seconds=90)  # longer than the hard limit of the task
FAILS_FOR = timedelta(days=5)  # a receiver of the owner's own that takes nothing for longer is left alone
SHOWN = 10  # of a bundle; all of it is in the list
Status = Delivery.Status


class DeliveryFailed(Exception):
    """It failed for good, and is kept as failed until somebody sends it again."""


def deliver(delivery_id: int, *, clock: Clock) -> str:
    """Send it once, if it is due and nobody else does; return what became of it. Raises DeliveryFailed.

    One that has failed for good is tried again: who sends it is an operator, from the dead letters.
    """
    delivery = Delivery.objects.select_related("notification", "channel__owner").filter(pk=delivery_id).first()
    if delivery is None:
        return "gone"
    channel, is_again = delivery.channel, delivery.status == Status.FAILED
    is_late = delivery.is_late(clock())
    if not (is_again or is_late) and (until := pauses.paused_until(channel, now=clock())):
        return _wait_for_server(delivery, until)
    if not (is_again or is_late) and _is_slow_since_asked(delivery, now=clock()):
        return _wait_for_server(delivery, clock())
    if not _claim(delivery, now=clock()):
        return f"skipped ({delivery.status})"
    if reason := _why_mute(channel):
        _settle(delivery, Status.FAILED, last_error=reason)
        return f"not sent: {reason}"
    if is_late:
        raise _given_up(delivery, now=clock())
    return _try(delivery, clock=clock)


def _try(delivery: Delivery, *, clock: Clock) -> str:
    """Send what we have claimed. Raises DeliveryFailed."""
    if delivery.attempts > ATTEMPTS:
        raise _failed(delivery, f"{ATTEMPTS} workers died while they were sending it", now=clock())
    kind = delivery.channel.kind
    try:
        provider_id = _send(delivery, clock=clock)
    except Refused as error:
        DELIVERIES.inc(kind=kind, outcome="refused")
        raise _failed(delivery, str(error), now=clock()) from None
    except TryAgain as error:
        DELIVERIES.inc(kind=kind, outcome="later")
        return _put_off(delivery, error, now=clock())
    except Exception as error:  # a sender's bug, a time limit: nobody knows whether it has arrived
        DELIVERIES.inc(kind=kind, outcome="broken")
        frame = extract_tb(error.__traceback__)[-1]  # not the text, which may hold an address
        logger.error("delivery %s: %s at %s:%s", delivery.pk, type(error).__name__, frame.filename, frame.lineno)
        return _put_off(delivery, TryAgain(f"{type(error).__name__} in our sender"), now=clock())
    DELIVERIES.inc(kind=kind, outcome="sent")
    _note_sent(delivery, provider_id, now=clock())
    return "sent"


def _send(delivery: Delivery, *, clock: Clock) -> str:
    """Send it, and note whose receiver lets us wait: see `due`."""
    channel, began_at = delivery.channel, clock()
    try:
        return SENDERS[channel.kind](channel, message_of(delivery))
    finally:
        DELIVERY_SECONDS.observe((clock() - began_at).total_seconds(), kind=channel.kind)
        if channel.kind not in pauses.SHARED and clock() - began_at > SLOW:
            Channel.objects.filter(pk=channel.pk).update(slow_at=clock())


def _is_slow_since_asked(delivery: Delivery, *, now: datetime) -> bool:
    """Whether its owner has let us wait since a worker was asked to send it: then it belongs to the lane of those."""
    if delivery.channel.kind in pauses.SHARED or delivery.queued_at is None:
        return False
    since = max(delivery.queued_at, now - SLOW_FOR)
    return Channel.objects.filter(owner=delivery.channel.owner_id, slow_at__gt=since).exists()


def message_of(delivery: Delivery) -> Message:
    """What is sent: the notification, or all of a bundle in one."""
    note = delivery.notification
    texts = Notification.objects.filter(deliveries__bundle=delivery).order_by("pk").values_list("text", flat=True)
    title, text = note.title, note.text
    if more := texts.count():
        title = f"{more + 1} more: {title}"
        shown = [text, *texts[: SHOWN - 1]]
        left = [f"… and {more + 1 - len(shown)} more, all in the list of notifications."] if more >= SHOWN else []
        text = "\n".join([*shown, *left])
    return Message(
        id=f"delivery-{delivery.pk}-{int(note.created_at.timestamp())}",
        topic=note.topic,
        severity=note.severity,
        title=title,
        text=text,
        at=note.created_at,
        data={**note.data, "notification": note.pk, "bundled": more},
    )


def _why_mute(channel: Channel) -> str:
    """Why nothing is sent by this channel; empty when it is."""
    if not (channel.is_enabled and channel.confirmed_at and channel.owner.is_active):
        return "the channel is switched off"
    return "" if can_send(channel) else "there is no mail server (EMAIL_URL), or no address"


def _claim(delivery: Delivery, *, now: datetime) -> bool:
    """Make it ours until the lease ends. Its end is what tells our claim from a later one."""
    due = Q(status__in=[Status.PENDING, Status.SENDING], next_try_at__lte=now) | Q(status=Status.FAILED)
    changes: dict[str, object] = {"attempts": F("attempts") + 1}
    if delivery.status == Status.FAILED:
        changes = {"attempts": 1, "late_at": now + SENT_FOR}
    claimed = Delivery.objects.filter(due, pk=delivery.pk, status=delivery.status)
    if not claimed.update(status=Status.SENDING, next_try_at=now + LEASE, **changes):
        return False
    delivery.refresh_from_db(fields=["status", "attempts", "next_try_at", "late_at"])
    return True


def _settle(delivery: Delivery, status: Status, **changes: object) -> bool:
    """Write down what became of our claim. False: it ran out, and is somebody else's by now."""
    ours = Delivery.objects.filter(pk=delivery.pk, status=Status.SENDING, next_try_at=delivery.next_try_at)
    settled = ours.update(status=status, **{"next_try_at": None, **changes})
    if not settled:
        logger.warning("delivery %s: took longer than its claim, and may be sent twice", delivery.pk)
    return bool(settled)


def _note_sent(delivery: Delivery, provider_id: str, *, now: datetime) -> None:
    pauses.resume(delivery.channel)
    _settle(delivery, Status.SENT, sent_at=now, provider_id=provider_id[:200], last_error="")
    failing = Channel.objects.filter(pk=delivery.channel_id, failing_since__isnull=False)
    if delivery.channel.failing_since:
        failing.update(failing_since=None, last_error="")


def _wait_for_server(delivery: Delivery, until: datetime) -> str:
    """Its server answers nobody just now, or lets us wait. They do not all come back in the same moment."""
    spread = timedelta(seconds=random.uniform(0, 5))  # noqa: S311
    waiting = Delivery.objects.filter(pk=delivery.pk, status=Status.PENDING)
    waiting.update(next_try_at=until + spread, queued_at=None)
    return "waits for its server"


def _put_off(delivery: Delivery, error: TryAgain, *, now: datetime) -> str:
    """Try it later. What is wrong with a server is not counted against the message, which waits until it is late."""
    is_away = isinstance(error, Unreachable)
    if is_away:
        until, attempts = pauses.pause(delivery.channel, now=now), delivery.attempts - 1
        is_over = delivery.is_late(now)
    else:
        until, attempts = now + _patience(delivery.attempts, error.after), delivery.attempts
        is_over = delivery.attempts >= ATTEMPTS
    if is_over:
        raise _failed(delivery, str(error), now=now) from None
    text = clean(str(error), delivery.channel)
    _note_trouble(delivery.channel, text, now=now)
    _settle(delivery, Status.PENDING, next_try_at=until, queued_at=None, attempts=attempts, last_error=text)
    return f"tried again later: {text}"


def _patience(attempts: int, wished: timedelta | None) -> timedelta:
    """4, 16, 64, 256 seconds: receivers who put off what they do not know yet want minutes."""
    seconds = min(FIRST_RETRY_SECONDS**attempts, MOST_RETRY_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311
    return max(timedelta(seconds=seconds), min(wished or timedelta(0), timedelta(hours=1)))


def _failed(delivery: Delivery, error: str, *, now: datetime) -> DeliveryFailed:
    """Keep it as failed, and tell of its channel once, until something arrives by it again."""
    channel, text = delivery.channel, clean(error, delivery.channel)
    _settle(delivery, Status.FAILED, last_error=text)
    since = _note_trouble(channel, text, now=now)
    is_own = channel.kind not in pauses.SHARED
    told = f"Nothing arrives by the channel {channel.name} ({channel.kind}) of {channel.owner}: {text}"
    key = f"channel:{channel.pk}:{since.isoformat()}"
    if is_own and now - since > FAILS_FOR:
        Channel.objects.filter(pk=channel.pk, target=channel.target).update(is_enabled=False)
        told, key = f"{told}. It is switched off now, after {FAILS_FOR.days} days", f"{key}:off"
    _tell_of(channel, told, key=key, severity=Severity.LOW if is_own else Severity.MEDIUM, now=now)
    return DeliveryFailed(f"{channel.kind} channel {channel.pk}: {text}")


def _given_up(delivery: Delivery, *, now: datetime) -> DeliveryFailed:
    """It is news of yesterday. If there was only nobody to send it, its channel is not to blame."""
    text = "it could not be sent within a day"
    if delivery.channel.failing_since:
        return _failed(delivery, text, now=now)
    _settle(delivery, Status.FAILED, last_error=text)
    return DeliveryFailed(text)


def _tell_of(channel: Channel, told: str, *, key: str, severity: Severity, now: datetime) -> None:
    """Its owner by their other channels; operators as severely as it concerns them."""
    owner, about = channel.owner_id, channel.name
    ways = Ways([owner], now=now).wanted(owner, Topic.SYSTEM_ALERT, Severity.MEDIUM)
    others = [one.pk for one in ways if one.pk != channel.pk]
    notify([owner], Topic.SYSTEM_ALERT, told, key=key, now=now, severity=Severity.MEDIUM, about=about, ways=others)
    notify_operators(told, key=key, now=now, severity=severity, about=about, subject="channels")


def _note_trouble(channel: Channel, text: str, *, now: datetime) -> datetime:
    """Since when nothing arrives by it, whoever saw it first."""
    asked = Channel.objects.filter(pk=channel.pk)
    asked.update(last_error=text, failing_since=Coalesce("failing_since", now))
    return asked.values_list("failing_since", flat=True).first() or now


def clean(text: str, channel: Channel) -> str:
    """A text to show, without what the channel's address and secret are made of, should a sender have let that slip."""
    own = channel.owner.email if channel.follows_owner else ""
    try:
        secrets = [channel.target.reveal(), channel.secret.reveal(), own]
    except SecretUnreadable:
        secrets = [own]
    return plain_text(without(text, *secrets))[:300]
