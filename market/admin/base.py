"""What every admin of ours has in common: who sees which rows, readable numbers, and rows that nobody edits."""

from typing import Any

from django import forms
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from market.access import sees_all
from market.admin.columns import readable
from market.rounding import plain


class AmountFormField(forms.DecimalField):
    """An amount without the zeros that the database adds."""

    def prepare_value(self, value: Any) -> Any:
        return plain(value) if hasattr(value, "as_tuple") and value.is_finite() else value


class OwnedAdmin(ModelAdmin):
    """An admin whose rows belong to users. ``owner_path`` leads to the owner; "" means that rows belong to nobody."""

    owner_path = ""
    nothing_yet = ""  # what to do, or to know, while the list is empty
    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = True
    formfield_overrides = {models.DecimalField: {"form_class": AmountFormField}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if self.owner_path and not sees_all(request.user):
            return rows.filter(self.owned_by(request.user))
        return rows

    def owned_by(self, user: Any) -> models.Q:
        """The condition for the rows of one user."""
        return models.Q(**{self.owner_path: user})

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return readable(self.model, super().get_list_display(request))


class ReadOnlyAdmin(OwnedAdmin):
    """Rows that are there to be read: services write them, nobody else."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        names = self.fields or [field.name for field in self.model._meta.fields]
        return readable(self.model, list(names), badges=False)
