"""One consistent look at the database that changes nothing and never takes long."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

STATEMENT_SECONDS = 2  # for each question: who asks a busy database must not keep it busy
Row = dict[str, Any]


@contextmanager
def snapshot() -> Iterator[CursorWrapper]:
    """All questions of the block see the database at one moment."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
        cursor.execute("SET LOCAL lock_timeout = '1s'")
        yield cursor


def rows(cursor: CursorWrapper, sql: str, parameters: Row | None = None) -> list[Row] | None:
    """The answer as dictionaries; None when the question, or a lock, took too long. The others go on."""
    try:
        with transaction.atomic():
            cursor.execute(sql, parameters)
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except OperationalError:
        return None


def one(cursor: CursorWrapper, sql: str, parameters: Row | None = None) -> Row | None:
    """The only row; None when it can't be known."""
    found = rows(cursor, sql, parameters)
    return found[0] if found else None
