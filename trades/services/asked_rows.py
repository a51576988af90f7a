"""The end of what was asked for by hand: once, with an order or without one, whoever comes to it."""

from datetime import datetime, timedelta

from django.db import transaction

from trades.models import Event, OrderByHand
from trades.services.events import write_event

# A market order is not executed minutes later, when nobody expects it any more.
TOO_OLD = timedelta(seconds=60)
LATE = "nobody came to it in time; nothing was sent"


class AlreadyEnded(Exception):
    """What was asked for has ended meanwhile: with an order of somebody else's making, or without one."""


def require_wanted(asked: OrderByHand, *, now: datetime) -> None:
    """Keep the row until the transaction ends, in which its order is written down. Raises AlreadyEnded."""
    row = OrderByHand.objects.select_for_update(no_key=True).only("status", "created_at").get(pk=asked.pk)
    if not row.is_unfinished or is_too_old(row, now=now):
        raise AlreadyEnded(asked.pk)


def is_too_old(asked: OrderByHand, *, now: datetime) -> bool:
    return asked.created_at <= now - TOO_OLD


def end_without_order(
    asked: OrderByHand, status: str, message: str, *, code: str, now: datetime, **more: object
) -> bool:
    """End it and write the news of that, together. False: somebody else was faster."""
    with transaction.atomic():
        ended = asked.end(status, code=code, message=message[:300], now=now)
        if ended:
            text = f"{asked} by hand: {message}"
            about = {"account": asked.account, "user": asked.user, "code": code, **more}
            write_event(Event.Kind.ORDER_DENIED, None, text, now=now, **about)
    return ended


def expire(asked: OrderByHand, *, now: datetime) -> bool:
    """End what is too old to be sent. False: somebody else was faster."""
    return end_without_order(asked, OrderByHand.Status.EXPIRED, LATE, code="expired", now=now)
