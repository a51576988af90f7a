"""How one thing of the caller's names another, and for whom a caller acts."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404
from rest_framework import serializers

from market.access import sees_all, visible
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


def named_user(caller: User, user_id: int | None) -> User:
    """For whom: the caller, unless who sees everybody's rows names another. Raises Http404 for whom there is not."""
    if user_id is None or user_id == caller.pk:
        return caller
    user = User.objects.filter(pk=user_id, is_active=True).first() if sees_all(caller) else None
    if user is None:
        raise Http404("there is no such user")
    return user
