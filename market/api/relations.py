"""Fields by which one thing of the caller's names another."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from market.access import visible
from market.models import ExchangeAccount


class OwnAccount(serializers.PrimaryKeyRelatedField):
    """The number of an account that the caller may see; any other one does not exist."""

    queryset = ExchangeAccount.objects.all()

    def get_queryset(self) -> QuerySet[ExchangeAccount] | None:
        accounts = ExchangeAccount.objects.select_related("owner")
        request = self.context.get("request")
        return visible(accounts, request.user) if request else accounts.none()

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(number_of(self, data))


def number_of(field: serializers.Field, data: Any) -> Any:
    """What is given, if it can be the number of a row; the field fails otherwise."""
    is_number = isinstance(data, int | str) and not isinstance(data, bool) and str(data).isdecimal()
    if not is_number or len(str(data)) > 18:
        field.fail("incorrect_type", data_type=type(data).__name__)
    return data
