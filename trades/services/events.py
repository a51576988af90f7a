"""Writing news in the transaction of what it tells, and a line of log once that is committed."""

import logging
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from trades.models import Event, Order, Position

logger = logging.getLogger("trades.events")


def write_event(
    kind: Event.Kind,
    position: Position,
    message: str,
    *,
    now: datetime,
    order: Order | None = None,
    **data: Any,
) -> None:
    """Append one event. ``data`` is JSON; secrets never are in it."""
    Event.objects.create(kind=kind, position=position, order=order, message=message[:400], data=data, created_at=now)
    transaction.on_commit(partial(logger.info, "position %s: %s", position.pk, message))
