"""Queries whose SQL the ORM writes once: it takes several times as long to write a statement as PostgreSQL to answer.

For the few that run with every order. What comes back are the same model instances, and so are the rules about locks.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=models.Model)

# Stand for the values while the ORM writes; nothing else is ever equal to one of them.
INTEGERS = tuple(range(-9_000_000_000_000_000_001, -9_000_000_000_000_000_001 + 8))
MOMENTS = tuple(datetime(1, 2, 3, tzinfo=UTC) + timedelta(microseconds=number) for number in range(8))
MARKS: dict[type, tuple[Any, ...]] = {int: INTEGERS, datetime: MOMENTS}


class Ready(Generic[Row]):
    """A query with a hole for each of its arguments, which are integers or moments as ``kinds`` says.

    ``make`` writes it: it is called once in each thread, with what stands for the arguments, so that it must not decide
    anything by them.
    """

    def __init__(self, make: Callable[..., models.QuerySet[Row]], *kinds: type) -> None:
        self._make, self._kinds = make, kinds
        self._written = threading.local()

    def __call__(self, *values: Any) -> list[Row]:
        """The rows for these values."""
        written = self._written.__dict__.get("statement")
        if written is None:
            marks = [MARKS[kind][number] for number, kind in enumerate(self._kinds)]
            written = self._written.statement = _Statement(self._make(*marks), marks)
        rows: list[Row] = written.rows(values)
        return rows

    def get(self, *values: Any) -> Row:
        """The one row for these values. Raises the model's DoesNotExist."""
        rows = self(*values)
        if not rows:
            model = self._make(*(MARKS[kind][number] for number, kind in enumerate(self._kinds))).model
            raise model.DoesNotExist(  # type: ignore[attr-defined]
                f"no {model._meta.object_name} of {values}"
            )
        assert len(rows) == 1, f"{len(rows)} rows where one was asked for: {values}"
        return rows[0]


class _Statement:
    """What the ORM has written, and how it makes instances of the rows: `ModelIterable` and `SQLCompiler` once more."""

    def __init__(self, query: models.QuerySet[Any], marks: Sequence[Any]) -> None:
        self._locks = query.query.select_for_update
        self._connection = connections[DEFAULT_DB_ALIAS]
        compiler = query.query.get_compiler(connection=self._connection)
        self._sql, self._params = compiler.as_sql()
        self._holes = [(at, marks.index(value)) for at, value in enumerate(self._params) if value in marks]
        assert {number for _, number in self._holes} == set(range(len(marks))), "an argument is not in the statement"
        self._compiler = compiler
        self._converters = compiler.get_converters([column[0] for column in compiler.select])
        info = compiler.klass_info
        columns = info["select_fields"]
        self._model, self._own = info["model"], slice(columns[0], columns[-1] + 1)
        self._names = [column[0].target.attname for column in compiler.select[self._own]]
        self._related = get_related_populators(info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]

    def rows(self, values: Sequence[Any]) -> list[Any]:
        assert self._connection.in_atomic_block or not self._locks, "a lock ends with its transaction"
        params = list(self._params)
        for at, number in self._holes:
            params[at] = values[number]
        with self._connection.cursor() as cursor:
            cursor.execute(self._sql, params)
            found = cursor.fetchall()
        return [self._instance(row) for row in self._compiler.apply_converters(found, self._converters)]

    def _instance(self, row: Sequence[Any]) -> Any:
        instance = self._model.from_db(DEFAULT_DB_ALIAS, self._names, row[self._own])
        for related in self._related:
            related.populate(row, instance)
        return instance
