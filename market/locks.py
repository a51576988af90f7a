"""Locks of PostgreSQL for what only one process at a time should do."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def advisory_lock(number: int) -> Iterator[bool]:
    """True while we hold the lock, False when another session does. It goes with the session, so a kill frees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        row = cursor.fetchone()
    taken = bool(row and row[0])
    try:
        yield taken
    finally:
        if taken:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def lock_until_commit(space: int, *, shared: bool = False) -> None:
    """Wait for a lock that goes with the transaction, however that ends. Shared holders exclude only a sole one."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    connection.cursor().execute(f"SELECT {function}(%s)", [space])
