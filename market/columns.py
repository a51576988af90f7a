"""Rows read as columns: a query's result as one numpy array, without a Python object for each value.

A hundred thousand model instances take seconds and a gigabyte. PostgreSQL's binary arrays have elements of one width if
no value is NULL and each is of a fixed width, and such bytes are a numpy array already. (COPY has them as well, but
hands them over row by row.)
https://github.com/postgres/postgres/blob/REL_18_0/src/backend/utils/adt/arrayfuncs.c: array_send
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

HEADER_BYTES = 20  # dimensions, whether there are NULLs, the type; then length and lower bound of the only dimension
# PostgreSQL counts microseconds from here.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
NEVER = -(2**63)  # a moment that is NULL
Rows = NDArray[Any]


@dataclass(frozen=True)
class Kind:
    """A type of fixed width: what SQL calls it, what numpy calls its bytes, what stands for NULL."""

    sql: str
    wire: str
    null: str

    def select(self, expression: str) -> str:
        """The expression as a value of this kind that is never NULL."""
        return f"coalesce(({expression})::{self.sql}, {self.null})"


WHOLE = Kind("bigint", ">i8", "0")
SMALL = Kind("integer", ">i4", "0")
FLAG = Kind("boolean", "?", "false")
FLOAT = Kind("double precision", ">f8", "'NaN'")
# Microseconds since EPOCH.
MOMENT = Kind("timestamptz", ">i8", "'-infinity'")


def microseconds(at: datetime) -> int:
    """A moment as MOMENT has it."""
    delta = at - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def read_columns(
    columns: Mapping[str, tuple[Kind, str]], source: str, params: Mapping[str, Any] | Sequence[Any]
) -> Rows:
    """The columns (name → kind and SQL expression) of ``source`` (FROM and what follows) as a structured array.

    Native byte order, one field for each column. NULL is 0, False, NaN or NEVER.
    """
    selected = ", ".join(f'{kind.select(expression)} AS "{name}"' for name, (kind, expression) in columns.items())
    collected = ", ".join(f'array_agg("{name}")' for name in columns)
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.cursor(binary=True) as cursor:
        statement = f"SELECT {collected} FROM (SELECT {selected} {source}) AS found"  # noqa: S608 - made of constants
        cursor.execute(statement, params)
        received = [cursor.pgresult.get_value(0, number) for number in range(len(columns))]
    return _parsed(received, columns)


def _parsed(received: Sequence[bytes | None], columns: Mapping[str, tuple[Kind, str]]) -> Rows:
    rows: Rows | None = None
    row = [(name, kind.wire.replace(">", "=")) for name, (kind, _) in columns.items()]
    for packed, (name, (kind, _)) in zip(received, columns.items(), strict=True):
        if packed is None:  # there are no rows
            return np.empty(0, row)
        element = np.dtype([("width", ">i4"), ("value", kind.wire)])
        assert (len(packed) - HEADER_BYTES) % element.itemsize == 0, f"{name}: a value is NULL or has another width"
        elements = np.frombuffer(packed, element, offset=HEADER_BYTES)
        assert (elements["width"] == np.dtype(kind.wire).itemsize).all(), f"{name}: a value has another width"
        rows = np.empty(len(elements), row) if rows is None else rows
        rows[name] = elements["value"]
    assert rows is not None, "no columns"
    return rows
