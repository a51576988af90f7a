"""Rows that are too old go some at a time: no statement takes long, and no lock is held for long."""

from typing import Any

from django.db.models import QuerySet

CHUNK = 5_000  # rows of one statement


def drop(rows: QuerySet[Any, Any]) -> int:
    """Delete these rows in their order, with what hangs on them; return how many of these they were."""
    dropped, label = 0, rows.model._meta.label
    while keys := list(rows.values_list("pk", flat=True)[:CHUNK]):
        dropped += rows.model._default_manager.filter(pk__in=keys).delete()[1].get(label, 0)
    return dropped
