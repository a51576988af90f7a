"""What is to be sent now, found in the database: also what a broker has forgotten, or a worker died with.

There are few workers, and a receiver may hold one for twenty seconds. So nobody has more than some messages before
theirs at a time, and of those who have let us wait lately one is tried at a time, whoever it is: a lane of their own.
"""

import random
from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from ops.models import Channel, Delivery
from ops.notifications.pauses import SHARED, paused_kinds
from trades.models import Event

# Who was asked to send it and did not for so long is asked again: later while the broker holds others, and it is
# likely to be among them. One that is merely slow finds it sent.
LOST_AFTER, LATE_AFTER = timedelta(seconds=60), timedelta(minutes=10)
OWNER_AT_ONCE = 60  # messages of one owner that the broker holds
SLOW, SLOW_FOR = timedelta(seconds=4), timedelta(hours=1)  # a receiver who takes longer; how long that is remembered
Due = tuple[int, str]  # the id of a delivery, and the kind of its channel


def take_due(*, now: datetime, most: int, others_wait: bool = False) -> list[Due]:
    """Deliveries that workers are to be asked to send, the longest due ones first; marked as asked for."""
    if most <= 0:
        return []
    asked_before = now - (LATE_AFTER if others_wait else LOST_AFTER)
    at_work = Delivery.objects.filter(status__in=[Delivery.Status.PENDING, Delivery.Status.SENDING])
    asked = at_work.filter(queued_at__gt=now - LOST_AFTER)
    due = at_work.filter(Q(queued_at=None) | Q(queued_at__lte=asked_before), next_try_at__lte=now)
    due = due.exclude(channel__kind__in=paused_kinds(now=now)).order_by("next_try_at", "pk")
    owners = slow_owners(now=now)
    slow = Q(channel__owner__in=owners) & ~Q(channel__kind__in=SHARED)
    with transaction.atomic():
        taken = _of_all(due.exclude(slow), asked, most=most)
        if owners and not asked.filter(slow).exists():
            taken += _of_the_slow(due.filter(slow), owners)
        Delivery.objects.filter(pk__in=[number for number, _ in taken]).update(queued_at=now)
    return taken


class Backlog(NamedTuple):
    """How many news and messages are on their way, and how much too late the latest of them is."""

    waiting: int
    late: timedelta


def backlog(*, now: datetime) -> Backlog:
    """News that nobody has turned into notifications, and messages that are not sent; late from when they are due."""
    news = Event.objects.filter(handled_at=None)
    messages = Delivery.objects.filter(status__in=[Delivery.Status.PENDING, Delivery.Status.SENDING])
    oldest = [
        news.order_by("pk").values_list("created_at", flat=True).first(),
        messages.order_by("next_try_at").values_list("next_try_at", flat=True).first(),
    ]
    late = max((now - at for at in oldest if at is not None), default=timedelta())
    return Backlog(news.count() + messages.count(), max(late, timedelta()))


def slow_owners(*, now: datetime) -> list[int]:
    """Those by whose channels we had to wait lately. Of a mail server, or Telegram's, nobody is to blame."""
    slow = Channel.objects.filter(slow_at__gt=now - SLOW_FOR)
    return list(slow.values_list("owner", flat=True).distinct())


def _of_all(due: QuerySet[Delivery], asked: QuerySet[Delivery], *, most: int) -> list[Due]:
    counted = asked.values_list("channel__owner").annotate(count=Count("pk")).order_by()
    have = Counter(dict(counted))
    full = [owner for owner, count in have.items() if count >= OWNER_AT_ONCE]
    taken: list[Due] = []
    for number, kind, owner in _locked(due.exclude(channel__owner__in=full))[:most]:
        have[owner] += 1
        if have[owner] <= OWNER_AT_ONCE:
            taken.append((number, kind))
    return taken


def _of_the_slow(due: QuerySet[Delivery], owners: Collection[int]) -> list[Due]:
    """One of somebody: by lot, so that who has many messages is not before all others."""
    for owner in random.sample(list(owners), len(owners)):
        for number, kind, _ in _locked(due.filter(channel__owner=owner))[:1]:
            return [(number, kind)]
    return []


def _locked(due: QuerySet[Delivery]) -> QuerySet[Delivery, tuple[int, str, int]]:
    locked = due.select_for_update(of=("self",), no_key=True, skip_locked=True)
    return locked.values_list("pk", "channel__kind", "channel__owner")
