"""Pages of long lists: by cursor, so that the thousandth page costs what the first one costs."""

from typing import Any

from django.core.exceptions import ValidationError as WrongValue
from django.db import DataError
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class CursorPages(CursorPagination):
    """The newest first unless asked otherwise; `next` and `previous` are addresses."""

    ordering = ("-pk",)
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

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ArithmeticError, WrongValue, DataError) as error:  # a cursor that we have not made
            raise NotFound("Invalid cursor") from error

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return parameters
