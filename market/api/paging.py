"""Pages of long lists: by cursor, so that the thousandth page costs what the first one costs."""

import json
from typing import Any, cast

from django.core.exceptions import ValidationError as WrongValue
from django.db import DataError
from django.db.models import Q, QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

BAD = (ValueError, TypeError, ArithmeticError, RecursionError, WrongValue, DataError)


class CursorPages(CursorPagination):
    """The newest first unless asked otherwise; `next` and `previous` are addresses.

    A position is the value that the rows are ordered by and the row's number. REST framework's own counts from the
    first row of the same value on, and never gets past a thousand of them, which one statement may have made.
    """

    ordering: Any = ("-pk",)
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int:
        told = request.query_params.get(self.page_size_query_param)
        if told is None:
            return self.page_size
        if not (told.isascii() and told.isdecimal() and len(told) <= 9 and 1 <= int(told) <= self.max_page_size):
            raise ValidationError({"page_size": [f"{told[:40]!r} is no number from 1 to {self.max_page_size}."]})
        return int(told)

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """One field, then the number of the row, in the same direction."""
        first = super().get_ordering(request, queryset, view)[0]
        sign = "-" if first.startswith("-") else ""
        return (first,) if first == f"{sign}pk" else (first, f"{sign}pk")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        self.request = request
        self.page_size = self.get_page_size(request)
        self.base_url = request.build_absolute_uri()
        self.ordering = self.get_ordering(request, queryset, view)
        self.cursor = self.decode_cursor(request)
        _, reverse, position = cast(Any, self.cursor) or (0, False, None)
        if self.cursor is not None and position is None:
            raise NotFound("Invalid cursor")
        try:
            self._read(queryset, position, reverse=reverse)
        except BAD as error:
            if self.cursor is None:  # what a filter lets through, and PostgreSQL does not
                raise ValidationError({"": ["A value in the address is out of range."]}) from error
            raise NotFound("Invalid cursor") from error  # one that we have not made
        return self.page

    def _read(self, rows: QuerySet[Any], position: str | None, *, reverse: bool) -> None:
        """Read the rows after a position, or in reverse those before it, and one more that says whether there is."""
        order = [_turned(name) for name in self.ordering] if reverse else list(self.ordering)
        rows = rows.order_by(*order)
        if position is not None:
            rows = rows.filter(_after(order, *json.loads(position)))
        read = list(rows[: self.page_size + 1])
        self.page = read[: self.page_size][::-1] if reverse else read[: self.page_size]
        has_more, came_from = len(read) > self.page_size, position is not None
        self.has_next, self.has_previous = (came_from, has_more) if reverse else (has_more, came_from)

    def get_next_link(self) -> str | None:
        return self._link(self.page[-1], reverse=False) if self.has_next and self.page else None

    def get_previous_link(self) -> str | None:
        return self._link(self.page[0], reverse=True) if self.has_previous and self.page else None

    def _link(self, row: Any, *, reverse: bool) -> str:
        names = [name.lstrip("-") for name in self.ordering]
        values = [row[name] if isinstance(row, dict) else getattr(row, name) for name in names]
        position = json.dumps([value if isinstance(value, int) else str(value) for value in values])
        return str(self.encode_cursor(Cursor(offset=0, reverse=reverse, position=cast(Any, position))))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return parameters


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _after(order: list[str], *position: Any) -> Q:
    """The rows behind a position. Raises TypeError, ValueError when it is none of this order."""
    way = "lt" if order[0].startswith("-") else "gt"
    names = [name.lstrip("-") for name in order]
    if len(position) != len(names):
        raise ValueError("another order's cursor")
    if len(names) == 1:
        return Q(**{f"{names[0]}__{way}": position[0]})
    (first, second), (value, number) = names, position
    # The first condition alone is what an index begins at.
    return Q(**{f"{first}__{way}e": value}) & (Q(**{f"{first}__{way}": value}) | Q(**{f"{second}__{way}": number}))
