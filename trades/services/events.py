"""Writing news in the transaction of what it tells, and a line of log once that is committed."""

import logging
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from trades.models import Event, Order, Position

logger = logging.getLogger("trades.events")


def new_event(
    kind: Event.Kind,
    position: Position,
    message: str,
    *,
    now: datetime,
    order: Order | None = None,
    **data: Any,
) -> Event:
    """An event that is not saved yet. ``data`` is JSON; secrets never are in it."""
    return Event(kind=kind, position=position, order=order, message=message[:400], data=data, created_at=now)


def write_events(events: list[Event]) -> None:
    """Append events in the caller's transaction, in one statement."""
    Event.objects.bulk_create(events)
    for event in events:
        transaction.on_commit(partial(logger.info, "position %s: %s", event.position_id, event.message))


def write_event(kind: Event.Kind, position: Position, message: str, **details: Any) -> None:
    """Append one event; see ``new_event``."""
    write_events([new_event(kind, position, message, **details)])
