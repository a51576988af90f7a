"""What a list may be asked: filters, order, single fields. What nobody knows is refused, not overlooked."""

import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError as WrongValue
from django.db.models import QuerySet
from django_filters import NumberFilter
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

from market.api.serializing import with_value

NO_FILTERS = frozenset({"cursor", "page_size", "ordering", "fields"})
MOST_LETTERS = 2_000  # of a filter's numbers
HUGE = re.compile(r"e[+-]?\d{3}", re.IGNORECASE)


class Filters(DjangoFilterBackend):
    """The filters of a view's `filterset_class`, and no other parameter than those that the view knows."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        action = getattr(view, "action", "list")
        if action == "list":
            if getattr(view, "is_plain_unfiltered", False) and set(request.query_params) <= NO_FILTERS:
                return queryset  # to make a form of no filters takes longer than the query
            require_known(request, {*self._names(view, queryset), *NO_FILTERS})
            return self._filtered(request, queryset, view)
        if action == "retrieve":
            require_known(request, {"fields"})
        return queryset  # one row is found by its number alone

    def _filtered(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Raises ValidationError, which tells the values that were given."""
        self._require_short_numbers(request, queryset, view)
        try:
            return super().filter_queryset(request, queryset, view)
        except ValidationError as error:
            raise ValidationError(with_values(error.detail, request.query_params)) from error
        except (ValueError, TypeError, ArithmeticError, WrongValue) as error:  # beyond what its column can be asked
            raise ValidationError({"": ["A value in the address is out of range."]}) from error

    def _require_short_numbers(self, request: Request, queryset: QuerySet[Any], view: Any) -> None:
        """-1e1000000 is short to write, and takes a minute to be made an integer of: raise ValidationError."""
        filters = self.get_filterset_class(view, queryset)
        for name, one in filters.base_filters.items() if filters else ():
            asked = request.query_params.get(name, "")
            if isinstance(one, NumberFilter) and (len(asked) > MOST_LETTERS or HUGE.search(asked)):
                raise ValidationError({name: [f"A shorter number is needed. Given: {asked[:40]!r}."]})

    def _names(self, view: Any, queryset: QuerySet[Any]) -> set[str]:
        filters = self.get_filterset_class(view, queryset)
        return set(filters.base_filters) if filters else set()


def with_values(faults: Any, given: Mapping[str, Any]) -> Any:
    """The faults of filters, with what was asked for."""
    if not isinstance(faults, dict):
        return faults
    return {name: with_value(texts, given[name]) if name in given else texts for name, texts in faults.items()}


class Ordering(OrderingFilter):
    """`ordering=-created_at`: one of the view's `ordering_fields`; equal rows in the order of their numbers."""

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...] | None:
        asked = request.query_params.get(self.ordering_param)
        if asked is None:
            return None  # the pages' own
        known = list(getattr(view, "ordering_fields", None) or ())
        if asked.lstrip("-") not in known or asked.startswith("--"):
            possible = ", ".join([*known, *(f"-{name}" for name in known)]) or "nothing"
            raise ValidationError({"ordering": [f"{asked[:40]!r} is not possible; {possible} is."]})
        return (asked, "-pk" if asked.startswith("-") else "pk")

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        return queryset  # the pages order

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        known = list(getattr(view, "ordering_fields", None) or ())
        if not known:
            return []
        choices = [*known, *(f"-{name}" for name in known)]
        return [
            {
                "name": self.ordering_param,
                "required": False,
                "in": "query",
                "description": "By which field; with a minus the greatest first.",
                "schema": {"type": "string", "enum": choices},
            }
        ]


def require_known(request: Request, names: set[str]) -> None:
    """Raise ValidationError when the address has a parameter that is none of these."""
    unknown = sorted(set(request.query_params) - names)
    if unknown:
        known = ", ".join(sorted(names)) or "none"
        raise ValidationError({name[:40]: [f"is not known here; known are: {known}."] for name in unknown[:5]})
