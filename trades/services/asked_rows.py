"""The end of what was asked for by hand: once, with an order or without one, whoever comes to it."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, Func, Q

from trades.models import Event, Order, OrderByHand
from trades.services.events import write_event

# A market order is not executed minutes later, when nobody expects it any more.
TOO_OLD = timedelta(seconds=60)
LATE = "nobody came to it in time; nothing was sent"
TRIED = "tried until it was too old; nothing was sent"


class DatabaseClock(Func):
    """This very moment, as the database has it: it is one clock for all who ask and all who carry out."""

    function = "clock_timestamp"
    output_field = DateTimeField()


class AlreadyEnded(Exception):
    """What was asked for has ended meanwhile: with an order of somebody else's making, or without one."""


def require_wanted(asked: OrderByHand) -> None:
    """Keep the row until the transaction ends, in which its order is written down. Raises AlreadyEnded."""
    row = OrderByHand.objects.select_for_update(no_key=True).only("status").get(pk=asked.pk)
    if not row.is_unfinished or is_too_late(pk=asked.pk):
        raise AlreadyEnded(asked.pk)


def is_too_late(**which: object) -> bool:
    """Whether a row is too old by now, by the database's clock: that of a worker may be wrong."""
    return OrderByHand.objects.filter(Q(created_at__lte=DatabaseClock() - TOO_OLD), **which).exists()


def lateness(order: Order) -> str:
    """Why an order that is written down must not be sent any more; empty if it may, or was not asked for like this.

    It has waited since: its worker has died, or the exchange's clock could not be read.
    """
    if not (order.position.by_hand and is_too_late(order=order)):
        return ""
    return f"not sent: it was asked for more than {TOO_OLD.total_seconds():.0f} seconds ago"


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
    message = f"{TRIED}: {asked.message}" if asked.message else LATE
    return end_without_order(asked, OrderByHand.Status.EXPIRED, message, code="expired", now=now)
