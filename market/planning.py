"""Questions that PostgreSQL has to plan anew for the values at hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def planned_anew() -> Iterator[None]:
    """Let no statement of this block be planned once for the connection.

    That is for statements which are sent thousands of times. A plan for any value can't use the index of rare ones:
    it walks through millions of rows where the plan for this value reads none.
    """
    connection.ensure_connection()
    client = connection.connection
    before, client.prepare_threshold = client.prepare_threshold, None
    try:
        yield
    finally:
        client.prepare_threshold = before
