"""Decisions are kept for a while: the weeks of their table are made ahead and dropped when they are old."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from bots.models import Tick
from market.dropping import drop

logger = logging.getLogger(__name__)

WEEK = timedelta(weeks=1)
WEEKS_AHEAD = 2
PATIENCE = "200ms"
PREFIX = "bots_decision_w"
PARTITIONS_SQL = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'bots_decision'::regclass"


def keep_decisions(*, now: datetime) -> list[str]:
    """Make the tables of this week and the next ones, drop those that are too old; return the names of the dropped."""
    make_weeks(now, until=now + WEEKS_AHEAD * WEEK)
    oldest = now - timedelta(days=settings.DECISIONS_KEPT_DAYS)
    dropped = [name for name, monday in _tables() if monday + WEEK <= oldest and _done(f'DROP TABLE "{name}"')]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM bots_decision_rest WHERE created_at < %s", [oldest])  # of weeks without a table
    return dropped


def drop_old_ticks(*, now: datetime) -> int:
    """Forget the minutes of which the decisions are gone, some at a time; return how many."""
    old = Tick.objects.filter(started_at__lt=now - timedelta(days=settings.DECISIONS_KEPT_DAYS))
    return drop(old.order_by("started_at"))


def make_weeks(since: datetime, *, until: datetime) -> None:
    """Make the tables of the weeks from one moment to another."""
    midnight = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    while monday <= until:
        _make(monday)
        monday += WEEK


def _make(monday: datetime) -> None:
    bounds = f"FROM ('{monday.isoformat()}') TO ('{(monday + WEEK).isoformat()}')"
    _done(f'CREATE TABLE IF NOT EXISTS "{PREFIX}{monday:%Y%m%d}" PARTITION OF bots_decision FOR VALUES {bounds}')


def _done(sql: str) -> bool:
    """Change the tables of decisions, unless somebody reads them for long: each bot's next decision would wait for us.

    A week of which some decisions are in the table for all the rest already gets none: they go one by one in the end.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            cursor.execute(sql)
    except DatabaseError as error:
        logger.warning("decisions: tried again in an hour: %s: %s", sql, error)
        return False
    return True


def _tables() -> Iterator[tuple[str, datetime]]:
    """The tables of weeks, each with its Monday."""
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS_SQL)
        names = [row[0] for row in cursor.fetchall()]
    for name in names:
        if name.startswith(PREFIX):
            yield name, datetime.strptime(name.removeprefix(PREFIX), "%Y%m%d").replace(tzinfo=UTC)
