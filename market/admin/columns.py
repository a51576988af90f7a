"""Columns and read-only fields that show a model's field as people read it."""

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from unfold.decorators import display

from market.admin import text
from market.fields import AmountField

Column = str | Callable[..., Any]

# Colours of unfold's labels; a status that has none here is grey.
COLOURS = {
    "running": "success",
    "pending": "info",
    "waiting": "warning",
    "paused": "warning",
    "error": "danger",
    "stopped": "",
    "flattened": "",
    "active": "success",
    "reducing": "warning",
    "halted": "danger",
    "intended": "info",
    "submitted": "info",
    "unknown": "danger",
    "queued": "info",
    "failed": "danger",
    "open": "info",
    "filled": "success",
    "done": "success",
    "ready": "success",
    "canceled": "",
    "expired": "",
    "rejected": "danger",
    "denied": "danger",
    "absent": "warning",
    "TRADING": "success",
    "SUCCESS": "success",
    "FAILURE": "danger",
    "requeued": "info",
    "sent": "success",
    "sending": "info",
    "discarded": "",
}
DESCRIPTIONS = {"realized_pnl": "realised P&L"}
MONEY = {"realized_pnl", "fees", "funding", "quote_quantity", "commission_quote", "initial_capital"}


def readable(model: type[models.Model], columns: Sequence[Column], *, badges: bool = True) -> list[Column]:
    """The columns, with amounts, moments and statuses of ``model`` replaced by what is readable.

    Badges are for lists: unfold's read-only fields know no labels.
    """
    return [_readable(model, column, badges) if isinstance(column, str) else column for column in columns]


def _readable(model: type[models.Model], name: str, badges: bool) -> Column:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return name
    if isinstance(field, AmountField):
        return shown(name, text.money if name in MONEY else text.number, field)
    if isinstance(field, models.DateTimeField):
        return shown(name, text.moment, field)
    if badges and name in ("status", "state") and not field.is_relation:
        return badge(name)
    return name


def shown(name: str, as_text: Callable[[Any], str], field: Any) -> Column:
    """A column of one field, through ``as_text``; it sorts as the field does."""

    def column(row: models.Model) -> str:
        return as_text(getattr(row, name))

    column.__name__ = name  # Django finds help text and sorting by it
    return display(description=DESCRIPTIONS.get(name, str(field.verbose_name)), ordering=name)(column)


def badge(name: str) -> Column:
    """A coloured label with the status that the field ``name`` holds."""

    def column(row: models.Model) -> tuple[str, str]:
        value = getattr(row, name)
        return value, value

    column.__name__ = name
    return display(description=name, ordering=name, label=COLOURS)(column)
