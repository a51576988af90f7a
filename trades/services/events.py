"""Writing news in the transaction of what it tells, and a line of log once that is committed."""

import logging
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from market.models import ExchangeAccount
from market.writing import insert_all
from trades.models import Event, Order, Position

logger = logging.getLogger("trades.events")


def new_event(
    kind: Event.Kind,
    position: Position | None,
    message: str,
    *,
    now: datetime,
    order: Order | None = None,
    account: ExchangeAccount | None = None,
    user: AbstractBaseUser | None = None,
    **data: Any,
) -> Event:
    """An event that is not saved yet, about a position, an account, a user, or the platform.

    ``data`` is JSON; secrets never are in it.
    """
    about = {"position": position, "order": order, "account": account, "user": user}
    return Event(kind=kind, message=message[:400], data=data, created_at=now, **about)


def write_events(events: list[Event]) -> None:
    """Append events in the caller's transaction, in one statement."""
    insert_all(events)
    for event in events:
        transaction.on_commit(partial(logger.info, "%s: %s", _subject(event), event.message))


def write_event(kind: Event.Kind, position: Position | None, message: str, **details: Any) -> None:
    """Append one event; see ``new_event``."""
    write_events([new_event(kind, position, message, **details)])


def _subject(event: Event) -> str:
    for name in ("position", "account", "user"):
        if number := getattr(event, f"{name}_id"):
            return f"{name} {number}"
    return "platform"
