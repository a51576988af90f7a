"""What is to be sent now, found in the database: also what a broker has forgotten, or a worker died with."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from ops.models import Delivery
from ops.notifications.pauses import paused_kinds

# Who was asked to send it and did not for so long is asked again: later while the broker holds others, and it is
# likely to be among them. One that is merely slow finds it sent.
LOST_AFTER, LATE_AFTER = timedelta(seconds=60), timedelta(minutes=10)
Due = tuple[int, str]  # the id of a delivery, and the kind of its channel


def take_due(*, now: datetime, most: int, others_wait: bool = False) -> list[Due]:
    """Deliveries that workers are to be asked to send, the longest due ones first; marked as asked for."""
    if most <= 0:
        return []
    asked_before = now - (LATE_AFTER if others_wait else LOST_AFTER)
    at_work = Delivery.objects.filter(status__in=[Delivery.Status.PENDING, Delivery.Status.SENDING])
    due = at_work.filter(Q(queued_at=None) | Q(queued_at__lte=asked_before), next_try_at__lte=now)
    due = due.exclude(channel__kind__in=paused_kinds(now=now)).order_by("next_try_at", "pk")
    with transaction.atomic():
        locked = due.select_for_update(of=("self",), no_key=True, skip_locked=True)
        taken = list(locked.values_list("pk", "channel__kind")[:most])
        Delivery.objects.filter(pk__in=[number for number, _ in taken]).update(queued_at=now)
    return taken
