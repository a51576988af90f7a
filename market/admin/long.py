"""Lists of tables with millions of rows: nothing is counted, nothing is sorted that has no index."""

import json
from functools import cached_property
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import EmptyPage, InvalidPage, Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from market.admin.base import ReadOnlyAdmin
from market.planning import planned_anew

MOST_PAGES = 200  # to skip rows costs reading them: who looks further back asks for dates


class LongPaginator(Paginator):
    """One page of a list, and about how many rows there are.

    The page is read with one row more: if that is missing the number is exact, else it is what PostgreSQL expects.
    """

    template_name = "admin/long_pagination.html"
    object_list: QuerySet[Any]

    def __init__(self, rows: QuerySet[Any], per_page: int, *, number: int) -> None:
        super().__init__(rows, per_page)
        self.shown = max(number, 1)

    @cached_property
    def _rows(self) -> list[Any]:
        if self.shown > MOST_PAGES:
            return []
        first = (self.shown - 1) * self.per_page
        with planned_anew():
            return list(self.object_list[first : first + self.per_page + 1])

    @property
    def is_last(self) -> bool:
        return len(self._rows) <= self.per_page

    @property
    def is_exact(self) -> bool:
        return self.is_last and (bool(self._rows) or self.shown == 1)

    @cached_property
    def count(self) -> int:
        seen = (self.shown - 1) * self.per_page + len(self._rows)
        return seen if self.is_exact else max(seen, _expected(self.object_list))

    @property
    def num_pages(self) -> int:
        return min(-(-self.count // self.per_page) or 1, MOST_PAGES)

    @property
    def told(self) -> str:
        return f"{'' if self.is_exact else 'about '}{self.count:,}"

    @property
    def is_cut(self) -> bool:
        """Whether there is more than may be turned to."""
        return not self.is_last and self.shown == MOST_PAGES

    def page(self, number: int | str) -> Page[Any]:
        """The page that this was made for. Raises EmptyPage beyond the last one."""
        if not self._rows and self.shown > 1:
            raise EmptyPage(f"page {number}: there is nothing so far back; choose dates instead")
        return Page(self._rows[: self.per_page], self.shown, self)


class LongChangeList(ChangeList):
    """A page of a long list, read by one query, in the one order that has an index."""

    result_list: Any

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return self._get_deterministic_ordering(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        try:
            self.result_list = self.paginator.page(self.page_num).object_list
        except InvalidPage as error:
            raise IncorrectLookupParameters from error
        self.full_result_count = self.result_count  # else the header tells it as if it were exact


class LongAdmin(ReadOnlyAdmin):
    """Rows without number, newest first."""

    list_max_show_all = 0
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LongChangeList

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *_: Any) -> LongPaginator:
        told = request.GET.get("p", "")
        return LongPaginator(queryset, per_page, number=int(told) if told.isdecimal() and len(told) < 9 else 1)


def _expected(rows: QuerySet[Any]) -> int:
    """How many rows PostgreSQL expects, without reading them."""
    with planned_anew():
        (plan,) = json.loads(rows.order_by().explain(format="json"))
    return int(plan["Plan"]["Plan Rows"])
