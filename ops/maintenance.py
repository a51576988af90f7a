"""Upkeep of the database itself, once a week: room of deleted rows is freed, plans get fresh figures, logins end.

Nobody who trades waits for it: VACUUM reads and writes beside them, a table that somebody holds is left out, and the
ends of tables, for which everybody would have to wait, are not cut off. Never VACUUM FULL.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection

from market.dropping import drop
from market.locks import advisory_lock
from market.types import Clock

logger = logging.getLogger(__name__)
MAINTENANCE_LOCK = 7_251_021  # any number that nothing else locks
LASTS = timedelta(seconds=100)  # a table that is begun is finished, within STATEMENT
STATEMENT = "45s"
LEAST_DEAD, LEAST_SHARE = 1_000, 0.05  # dead rows, and their share, from which a table is worth it
Row = dict[str, Any]

# Only what the tables' statistics say: nothing is read for it, and no lock waited for (to ask for a size takes one).
# The tables of a partitioned one stand for themselves.
TABLES_SQL = """
    SELECT relname AS table, n_live_tup AS live, n_dead_tup AS dead, n_mod_since_analyze AS changed
      FROM pg_stat_user_tables WHERE schemaname = current_schema() ORDER BY n_dead_tup DESC, relname
"""


def maintain_database(*, clock: Clock) -> Row:
    """Do all of it; what was done, with sizes in bytes before and after."""
    begun = clock()
    with advisory_lock(MAINTENANCE_LOCK) as ours:
        if not ours:
            return {"not_done": "another run is at it"}
        dropped = drop_old_logins(now=begun)
        before = database_bytes()
        tables = list(_vacuum(clock, until=begun + LASTS))
        return {"dropped": dropped, "bytes_before": before, "bytes_after": database_bytes(), "tables": tables}


def drop_old_logins(*, now: datetime) -> dict[str, int]:
    """Sessions that have ended, failed logins that lock nobody any more, old lines of the admin's log."""
    oldest = now - timedelta(days=settings.CHANGES_KEPT_DAYS)
    return {
        "sessions": drop(Session.objects.filter(expire_date__lt=now).order_by("pk")),
        "failed logins": drop(
            AccessAttempt.objects.filter(attempt_time__lt=now - 2 * settings.AXES_COOLOFF_TIME).order_by("pk")
        ),
        "admin log": drop(LogEntry.objects.filter(action_time__lt=oldest).order_by("pk")),
    }


def database_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def table_states() -> list[Row]:
    """What PostgreSQL counts of each table: live and dead rows, rows changed since it was analyzed."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES_SQL)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def is_worth_it(state: Row) -> bool:
    """Whether so much of a table is dead, or has changed, that it is worth reading it."""
    rows = state["live"] + state["dead"]
    return max(state["dead"], state["changed"]) >= max(LEAST_DEAD, rows * LEAST_SHARE)


def _vacuum(clock: Clock, *, until: datetime) -> Iterator[Row]:
    """The worst first. What is not reached has its turn in a week, and autovacuum meanwhile."""
    for state in filter(is_worth_it, table_states()):
        if clock() > until:
            logger.warning("maintenance: %s and what is less urgent have to wait", state["table"])
            return
        yield {"table": state["table"], "dead_before": state["dead"], **_vacuum_table(state["table"])}


def _vacuum_table(table: str) -> Row:
    """Free the room of dead rows and count the living; what came of it, or what was in the way."""
    try:
        with _bounded(), connection.cursor() as cursor:
            before = _bytes(table)
            cursor.execute(f"VACUUM (ANALYZE, SKIP_LOCKED, TRUNCATE FALSE) {connection.ops.quote_name(table)}")
            after = _bytes(table)
    except DatabaseError as error:
        logger.warning("maintenance: %s: %s", table, error)
        return {"trouble": str(error).strip()[:200]}
    dead = next((row["dead"] for row in table_states() if row["table"] == table), None)
    return {"dead_after": dead, "bytes_before": before, "bytes_after": after, "trouble": ""}


def _bytes(table: str) -> int:
    """With indexes and what is too long for a row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [connection.ops.quote_name(table)])
        return int(cursor.fetchone()[0])


@contextmanager
def _bounded() -> Iterator[None]:
    """Statements of this block wait for no lock, and end in time."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{STATEMENT}'; SET lock_timeout = '1s'")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout; RESET lock_timeout")
