"""Queries whose SQL the ORM writes once: it takes several times as long to write a statement as PostgreSQL to answer.

For the few that run with every order. What comes back are the same model instances, and so are the rules about locks.
`one_round_trip` sends several of them at once: each still runs after the other, and sees what the other has locked.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=models.Model)
T = TypeVar("T")

# Stand for the values while the ORM writes; nothing else is ever equal to one of them.
INTEGERS = tuple(range(-9_000_000_000_000_000_001, -9_000_000_000_000_000_001 + 8))
MOMENTS = tuple(datetime(1, 2, 3, tzinfo=UTC) + timedelta(microseconds=number) for number in range(8))
TEXTS = tuple(f"\ue000 {number} of a statement" for number in range(8))
MARKS: dict[type, tuple[Any, ...]] = {int: INTEGERS, datetime: MOMENTS, str: TEXTS}


@contextmanager
def one_round_trip() -> Iterator[None]:
    """Send the statements that are asked in this block together; their answers, or the first error, come at its end."""
    own = connections[DEFAULT_DB_ALIAS]
    own.close_if_health_check_failed()  # now: in the middle of the block it would be too late
    own.ensure_connection()
    with own.wrap_database_errors, own.connection.pipeline():
        yield


class Asked(Generic[T]):
    """An answer that is there when the round trip ends, at once if there is none."""

    def __init__(self, cursor: Any, read: Callable[[list[Any]], T]) -> None:
        self._cursor, self._read = cursor, read

    def __call__(self) -> T:
        return self._read(self._cursor.fetchall())


def ask(sql: str, params: Any, read: Callable[[list[Any]], T]) -> Asked[T]:
    """Ask by a statement that is spelt out; ``read`` makes something of its rows."""
    cursor = connections[DEFAULT_DB_ALIAS].cursor()
    cursor.execute(sql, params)
    return Asked(cursor, read)


class Ready(Generic[Row]):
    """A query with a hole for each of its arguments, which are integers, moments or texts as ``kinds`` says.

    ``make`` writes it: it is called once in each thread, with what stands for the arguments, so that it must not decide
    anything by them.
    """

    def __init__(self, make: Callable[..., models.QuerySet[Row]], *kinds: type) -> None:
        self._make, self._kinds = make, kinds
        self._written = threading.local()

    def __call__(self, *values: Any) -> list[Row]:
        """The rows for these values."""
        return self.ask(*values)()

    def get(self, *values: Any) -> Row:
        """The one row for these values. Raises the model's DoesNotExist."""
        return self.ask_one(*values)()

    def ask(self, *values: Any) -> Asked[list[Row]]:
        """The same as a call, to be answered when the round trip ends."""
        statement = self._statement()
        return Asked(statement.execute(values), statement.instances)

    def ask_one(self, *values: Any) -> Asked[Row]:
        """The same as `get`, to be answered when the round trip ends."""
        statement = self._statement()

        def read(rows: list[Any]) -> Row:
            if not rows:
                raise statement.model.DoesNotExist(f"no {statement.model._meta.object_name} of {values}")
            (row,) = statement.instances(rows)
            one: Row = row
            return one

        return Asked(statement.execute(values), read)

    def _statement(self) -> "_Statement":
        written: _Statement | None = self._written.__dict__.get("statement")
        if written is None:
            marks = [MARKS[kind][number] for number, kind in enumerate(self._kinds)]
            written = self._written.statement = _Statement(self._make(*marks), marks)
        return written


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
        self.model: Any = info["model"]
        self._own = slice(columns[0], columns[-1] + 1)
        self._names = [column[0].target.attname for column in compiler.select[self._own]]
        self._related = get_related_populators(info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]

    def execute(self, values: Sequence[Any]) -> Any:
        """A cursor that has been asked."""
        assert self._connection.in_atomic_block or not self._locks, "a lock ends with its transaction"
        params = list(self._params)
        for at, number in self._holes:
            params[at] = values[number]
        cursor = self._connection.cursor()
        cursor.execute(self._sql, params)
        return cursor

    def instances(self, rows: list[Any]) -> list[Any]:
        return [self._instance(row) for row in self._compiler.apply_converters(rows, self._converters)]

    def _instance(self, row: Sequence[Any]) -> Any:
        instance = self.model.from_db(DEFAULT_DB_ALIAS, self._names, row[self._own])
        for related in self._related:
            related.populate(row, instance)
        return instance
