"""The outbox: each event becomes what people are told, and is ticked off, in one transaction.

Events are taken in the order of their numbers. One whose transaction commits late has a lower number than those that
were told already, and is found all the same: not a mark but the event itself says that it is handled.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction

from market.planning import planned_anew
from ops.models import Severity, Topic
from ops.notifications.storms import SENT_FOR
from ops.notifications.topics import titled, told_by
from ops.notifications.writing import News, operators, write_news
from trades.models import Event

logger = logging.getLogger(__name__)

CHUNK = 500  # events of one transaction
MOST = 20_000  # of one run


def distribute_events(*, now: datetime, most: int = MOST) -> int:
    """Turn events that nobody has handled into notifications; return how many were handled. See ``Event``.

    Dying at any point loses nothing and tells nothing twice. Several may do it at once: each takes others.
    """
    done = 0
    while done < most:
        handled = _distribute_some(now=now)
        done += handled
        if handled < CHUNK:
            break
    return done


def distribute_event(event_id: int, *, now: datetime) -> bool:
    """Do it now for one event. False: it is handled, or somebody is about to."""
    return bool(_distribute_some(now=now, pk=event_id))


def _distribute_some(*, now: datetime, **which: int) -> int:
    waiting = Event.objects.filter(handled_at=None, **which).select_related("account", "position__account")
    with transaction.atomic():
        locked = waiting.select_for_update(of=("self",), no_key=True, skip_locked=True)
        with planned_anew():
            events = list(locked.order_by("pk")[:CHUNK])
        write_news(list(news_of(events, now=now)), now=now)
        Event.objects.filter(pk__in=[event.pk for event in events]).update(handled_at=now)
    return len(events)


def news_of(events: Sequence[Event], *, now: datetime) -> Iterator[News]:
    """What is to be told to whom: to the owner of what it is about; of the platform to its operators."""
    of_platform = operators() if any(_owner(event) is None for event in events) else []
    for event in events:
        try:
            owner = _owner(event)
            for user_id in of_platform if owner is None else [owner]:
                yield _news(event, user_id, is_sent=now - event.created_at < SENT_FOR)
        except Exception:  # an event that nobody understands must not keep all later ones from being told
            logger.exception("event %s: nobody is told", event.pk)
            yield from _of_trouble(event, now=now)


def _owner(event: Event) -> int | None:
    if event.position:
        return event.position.account.owner_id
    return event.account.owner_id if event.account else event.user_id


def _news(event: Event, user_id: int, *, is_sent: bool) -> News:
    topic, severity = told_by(event)
    account = event.position.account if event.position else event.account
    symbol = event.position.symbol if event.position else ""
    about = ", ".join(filter(None, [symbol, account.name if account else ""]))
    numbers = {"event": event.pk, "position": event.position_id, "account": account and account.pk}
    return News(
        user_id=user_id,
        topic=topic,
        severity=severity,
        title=titled(topic, about),
        text=event.message,
        key=f"event:{event.pk}:{user_id}:{topic}",
        at=event.created_at,
        subject=f"account {account.pk}" if account else "",
        data={**event.data, **numbers, "order": event.order_id, "kind": event.kind, "symbol": symbol},
        event_id=event.pk,
        is_sent=is_sent,
    )


def _of_trouble(event: Event, *, now: datetime) -> Iterator[News]:
    text = f"Event {event.pk} ({event.kind}) could not be told to anybody; the log says why: {event.message}"
    for user_id in operators():
        key, title = f"untold:{event.pk}:{user_id}", titled(Topic.SYSTEM_ALERT, "news that nobody understands")
        yield News(user_id, Topic.SYSTEM_ALERT, Severity.HIGH, title, text, key, now, event_id=event.pk)
