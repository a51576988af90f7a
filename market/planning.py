"""How to ask for a few rows among millions, and what PostgreSQL has to plan anew for the values at hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

FEW = 1000


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


def among_few(path: str, parents: QuerySet[Any], otherwise: Q) -> Q:
    """The condition for rows whose ``path`` leads to one of ``parents``: by their keys while they are few.

    By a join PostgreSQL walks through millions of others' rows, newest first, to find the few of these. Of many
    parents it finds rows soon; for those ``otherwise`` says the same by a join.
    """
    keys = list(parents.order_by().values_list("pk", flat=True)[: FEW + 1])
    return Q(**{f"{path}__in": keys}) if len(keys) <= FEW else otherwise
