"""Notifications: news become deliveries, and each is sent by a task of its own."""

import random
from collections.abc import Collection
from typing import Any

from celery import Task, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from market.types import moving
from ops import notifications
from ops.models import Channel, Severity, Topic
from ops.notifications.senders.base import TryAgain
from ops.queues import queue_depths

SOFT_LIMIT, HARD_LIMIT = 45, 60  # seconds of one delivery, whose claim lasts longer
MOST_QUEUED = 200  # messages, of some seconds: behind them waits who distributes; the database remembers the rest
RETRIES, MOST_RETRY_SECONDS = 3, 60


@shared_task
def distribute_notifications() -> dict[str, int]:
    """Turn news into notifications, and have workers send what is due; how many of each."""
    told = notifications.distribute_events(now=timezone.now())
    return {"told": told, "queued": queue_due()}


def queue_due() -> int:
    """The broker holds few at a time, so that a hanging server fills no memory. What it forgets is found again."""
    queued = 0
    try:
        waiting = (queue_depths() or {}).get("notifications", MOST_QUEUED)
        due = notifications.take_due(now=timezone.now(), most=MOST_QUEUED - waiting, others_wait=waiting > 0)
        for delivery_id, kind in due:
            TASK_OF_KIND.get(kind, send_notification).apply_async((delivery_id,))
            queued += 1
    except (OperationalError, RedisError):
        return queued
    return queued


@shared_task(soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def send_notification(delivery_id: int) -> str:
    """Send one notification by one channel. What failed for good raises, and is a dead letter."""
    return notifications.deliver(delivery_id, clock=moving(timezone.now()))


@shared_task(soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def send_email_notification(delivery_id: int) -> str:
    """The same by e-mail."""
    return notifications.deliver(delivery_id, clock=moving(timezone.now()))


@shared_task(soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def send_telegram_notification(delivery_id: int) -> str:
    """The same by Telegram."""
    return notifications.deliver(delivery_id, clock=moving(timezone.now()))


TASK_OF_KIND: dict[str, Any] = {
    Channel.Kind.EMAIL: send_email_notification,
    Channel.Kind.TELEGRAM: send_telegram_notification,
}


@shared_task
def send_trade_notification(event_id: int) -> bool:
    """Tell an event now, before its turn. False: it is told, or about to be."""
    told = notifications.distribute_event(event_id, now=timezone.now())
    queue_due()
    return told


@shared_task
def send_alert_notification(text: str, told_key: str, severity: str = Severity.HIGH, about: str = "") -> int:
    """Tell operators something of the platform, once for each key; how many were told now."""
    now = timezone.now()
    told = notifications.notify_operators(text, key=told_key, now=now, severity=Severity(severity), about=about)
    queue_due()
    return told


@shared_task
def send_bulk_notifications(
    user_ids: Collection[int], topic: str, text: str, told_key: str, severity: str = Severity.LOW, title: str = ""
) -> int:
    """Tell many users the same, once for each key; how many were told now."""
    said: dict[str, Any] = {"severity": Severity(severity), "title": title}
    told = notifications.notify(user_ids, Topic(topic), text, key=told_key, now=timezone.now(), **said)
    queue_due()
    return told


@shared_task(bind=True, max_retries=RETRIES, soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
def send_channel_code(self: Task, channel_id: int) -> None:
    """Send the code that confirms a channel. Tried again as features Q5 say."""
    channel = Channel.objects.filter(pk=channel_id, confirmed_at=None).select_related("owner").first()
    if channel is None:
        return
    try:
        notifications.send_code(channel, now=timezone.now())
    except TryAgain as error:
        seconds = min(2 ** (self.request.retries + 1), MOST_RETRY_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311
        raise self.retry(exc=error, countdown=seconds) from None
