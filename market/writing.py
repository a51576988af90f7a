"""Rows written by statements that are put together from names: the ORM takes longer to write them than PostgreSQL.

For the tables that every order writes to. ``save`` stays what it is, with its fields, defaults and checks; only
its last step, the statement, is not compiled anew each time.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Self

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, models

from market.ready import one_round_trip


class QuickModel(models.Model):
    """A model whose ``save`` writes plain values quickly; expressions take Django's own way."""

    class Meta:
        abstract = True

    def _do_insert(
        self, manager: Any, using: str, fields: Sequence[models.Field], returning_fields: Any, raw: bool
    ) -> Any:
        values = [getattr(self, field.attname) if raw else field.pre_save(self, add=True) for field in fields]
        plain = using == DEFAULT_DB_ALIAS and list(returning_fields) == [self._meta.pk] and _are_plain(values)
        if not plain:
            return super()._do_insert(manager, using, fields, returning_fields, raw)  # type: ignore[misc]
        return _insert(type(self), fields, [values]).fetchall()

    def _do_update(  # type: ignore[override]  # the stubs are those of a later Django
        self,
        base_qs: Any,
        using: str,
        pk_val: Any,
        values: Sequence[tuple[models.Field, Any, Any]],
        update_fields: Any,
        forced_update: bool,
    ) -> Any:
        changes = {field: value for field, _, value in values}
        if using != DEFAULT_DB_ALIAS or self._meta.select_on_save or not changes or not _are_plain(changes.values()):
            return super()._do_update(base_qs, using, pk_val, values, update_fields, forced_update)  # type: ignore[call-arg]
        return _update(type(self), {self._meta.pk: pk_val}, changes).rowcount > 0


class Writes:
    """Rows to be written in one round trip, in the caller's transaction, in this order.

    When the block ends the inserted ones know their ids, and all that were to change have changed, or it raises.
    """

    def __init__(self) -> None:
        self._inserted: list[tuple[Sequence[QuickModel], Any]] = []
        self._updated: list[tuple[QuickModel, Any]] = []
        self._trip = one_round_trip()

    def __enter__(self) -> Self:
        self._trip.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._trip.__exit__(*error)
        if error[0] is not None:
            return
        for rows, cursor in self._inserted:
            _take_ids(rows, cursor)
        for row, cursor in self._updated:
            if cursor.rowcount != 1:
                raise DatabaseError(f"{row!r} was not there to be changed")

    def insert(self, *rows: QuickModel) -> None:
        """Insert new rows of one model."""
        if rows:
            self._inserted.append((rows, _insert_rows(rows)))

    def save(self, row: QuickModel) -> None:
        """Insert what is new, write all fields of what is not."""
        if row._state.adding:
            self.insert(row)
        else:
            self.update(row)

    def update(self, row: QuickModel, *names: str) -> None:
        """Write these fields, or all, of a row that is there."""
        meta = row._meta
        fields = [field for field in meta.local_concrete_fields if not names or field.name in names]
        changes = {field: field.pre_save(row, add=False) for field in fields if not field.primary_key}
        self._updated.append((row, _update(type(row), {meta.pk: row.pk}, changes)))


def insert_all(rows: Sequence[QuickModel]) -> None:
    """Insert new rows of one model in one statement, in the caller's transaction; they know their ids then."""
    if rows:
        _take_ids(rows, _insert_rows(rows))


def _insert_rows(rows: Sequence[QuickModel]) -> Any:
    model = type(rows[0])
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    return _insert(model, fields, [[field.pre_save(row, add=True) for field in fields] for row in rows])


def _take_ids(rows: Sequence[QuickModel], cursor: Any) -> None:
    for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
        row.pk, row._state.adding, row._state.db = number, False, DEFAULT_DB_ALIAS


def update_where(model: type[models.Model], where: Mapping[str, Any], changes: Mapping[str, Any]) -> int:
    """Set plain values in the rows whose fields have the values of ``where``; return in how many."""
    field = model._meta.get_field
    cursor = _update(
        model,
        {field(name): value for name, value in where.items()},
        {field(name): value for name, value in changes.items()},
    )
    return int(cursor.rowcount)


def _insert(model: type[models.Model], fields: Sequence[models.Field], rows: Sequence[Sequence[Any]]) -> Any:
    """The cursor, whose rows are the new ids."""
    own = connections[DEFAULT_DB_ALIAS]
    params = [field.get_db_prep_save(value, own) for row in rows for field, value in zip(fields, row, strict=True)]
    cursor = own.cursor()
    cursor.execute(_insert_sql(model, tuple(fields), len(rows)), params)
    return cursor


def _update(model: type[models.Model], where: Mapping[Any, Any], changes: Mapping[Any, Any]) -> Any:
    """The cursor, which counts the rows."""
    own = connections[DEFAULT_DB_ALIAS]
    params = [field.get_db_prep_save(value, own) for field, value in (*changes.items(), *where.items())]
    cursor = own.cursor()
    cursor.execute(_update_sql(model, tuple(where), tuple(changes)), params)
    return cursor


@cache
def _insert_sql(model: type[models.Model], fields: tuple[models.Field, ...], rows: int) -> str:
    columns, holes = ", ".join(map(_column, fields)), ", ".join(["%s"] * len(fields))
    values = ", ".join([f"({holes})"] * rows)
    key = model._meta.pk
    assert key is not None, f"{model} has a primary key"
    return f"INSERT INTO {_table(model)} ({columns}) VALUES {values} RETURNING {_column(key)}"  # noqa: S608 - names of ours


@cache
def _update_sql(model: type[models.Model], where: tuple[models.Field, ...], changes: tuple[models.Field, ...]) -> str:
    changed = ", ".join(f"{_column(field)} = %s" for field in changes)
    found = " AND ".join(f"{_column(field)} = %s" for field in where)
    return f"UPDATE {_table(model)} SET {changed} WHERE {found}"  # noqa: S608 - names of ours


def _column(field: models.Field) -> str:
    assert field.column, f"{field} has a column"
    return connection.ops.quote_name(field.column)


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _are_plain(values: Iterable[Any]) -> bool:
    return not any(hasattr(value, "resolve_expression") for value in values)
