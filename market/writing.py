"""Rows written by statements that are put together from names: the ORM takes longer to write them than PostgreSQL.

For the tables that every order writes to. ``save`` stays what it is, with its fields, defaults and checks; only
its last step, the statement, is not compiled anew each time.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models


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
        return _insert(type(self), fields, [values])

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
        return _update(type(self), {self._meta.pk: pk_val}, changes) > 0


def insert_all(rows: Sequence[QuickModel]) -> None:
    """Insert new rows of one model in one statement, in the caller's transaction; they know their ids then."""
    if not rows:
        return
    model = type(rows[0])
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    ids = _insert(model, fields, [[field.pre_save(row, add=True) for field in fields] for row in rows])
    for row, (number,) in zip(rows, ids, strict=True):
        row.pk, row._state.adding, row._state.db = number, False, DEFAULT_DB_ALIAS


def update_where(model: type[models.Model], where: Mapping[str, Any], changes: Mapping[str, Any]) -> int:
    """Set plain values in the rows whose fields have the values of ``where``; return in how many."""
    field = model._meta.get_field
    return _update(
        model,
        {field(name): value for name, value in where.items()},
        {field(name): value for name, value in changes.items()},
    )


def _insert(model: type[models.Model], fields: Sequence[models.Field], rows: Sequence[Sequence[Any]]) -> list[Any]:
    """The new ids, a tuple for each row."""
    statement, own = _insert_sql(model, tuple(fields), len(rows)), connections[DEFAULT_DB_ALIAS]
    params = [field.get_db_prep_save(value, own) for row in rows for field, value in zip(fields, row, strict=True)]
    with own.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _update(model: type[models.Model], where: Mapping[Any, Any], changes: Mapping[Any, Any]) -> int:
    statement, own = _update_sql(model, tuple(where), tuple(changes)), connections[DEFAULT_DB_ALIAS]
    params = [field.get_db_prep_save(value, own) for field, value in (*changes.items(), *where.items())]
    with own.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


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
