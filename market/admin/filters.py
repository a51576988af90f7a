"""Drop-down filters that offer a user only what the user may see."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateFilter, TextFilter

from market.access import sees_all
from market.models import ExchangeAccount
from market.types import INTERVALS, Environment, Market

MANY = 500  # beyond that a drop-down helps nobody: search
Choices = Iterable[tuple[Any, str]]
# What a value is compared with: the field to which a path leads, or a condition made of the value.
Where = str | Callable[[Any], Q]


def dropdown(title: str, where: Where, choices: Callable[[HttpRequest], Choices]) -> type[DropdownFilter]:
    """A filter on ``where`` with the choices that ``choices`` offers for a request."""

    def lookups(self: DropdownFilter, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in choices(request)]

    def queryset(self: DropdownFilter, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        # Only what is offered is looked up: a number that is no number, or another user's account, finds nothing.
        known = {str(value) for value, _ in self.lookup_choices}
        value = self.value()
        if not value:
            return rows
        if value not in known:
            return rows.none()
        return rows.filter(**{where: value}) if isinstance(where, str) else rows.filter(where(value))

    namespace = {
        "title": title,
        "parameter_name": title.replace(" ", "_"),
        "lookups": lookups,
        "queryset": queryset,
        "has_output": lambda self: bool(self.lookup_choices),
    }
    return type(f"{title.title().replace(' ', '')}Filter", (DropdownFilter,), namespace)


def _owners(request: HttpRequest) -> Choices:
    if not sees_all(request.user):
        return []
    users = get_user_model().objects.filter(accounts__isnull=False).distinct().order_by("username")
    return [(user.pk, user.get_username()) for user in users[:MANY]]


def whose(account: ExchangeAccount) -> str:
    """An account as those choose it who see everybody's: different people's may have one name."""
    return f"{account.owner}: {account}"


def _accounts(request: HttpRequest) -> Choices:
    accounts = ExchangeAccount.objects.select_related("owner").order_by("owner__username", "name")
    if not sees_all(request.user):
        accounts = accounts.filter(owner=request.user.pk)
    return [(account.pk, whose(account)) for account in accounts[:MANY]]


def owner_filter(where: Where) -> type[DropdownFilter]:
    return dropdown("owner", where, _owners)


def account_filter(where: Where) -> type[DropdownFilter]:
    return dropdown("account", where, _accounts)


def filters_of_account(path: str, compared: Callable[[str], Where] = str) -> list[type[DropdownFilter]]:
    """Owner, account, environment and market of rows that reach their account by ``path``.

    ``compared`` makes of a path how it is compared, if not simply so.
    """
    return [
        owner_filter(compared(f"{path}__owner")),
        account_filter(compared(path)),
        environment_filter(compared(f"{path}__environment")),
        market_filter(compared(f"{path}__market")),
    ]


def named_bots(path: str, found: Callable[[str], QuerySet[Any]], *, owner: str) -> type[TextFilter]:
    """A filter by the name of a bot, or a part of it.

    ``found``: rows that such bots have, to which ``path`` leads; they are few, and looked for first. ``owner`` leads
    from them to whose they are: others' bots must not take the places of one's own.
    """

    def queryset(self: TextFilter, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        name = (self.value() or "").strip()
        if not name:
            return rows
        named = found(name) if sees_all(request.user) else found(name).filter(**{owner: request.user.pk})
        keys = list(named.order_by("pk").values_list("pk", flat=True)[: MANY + 1])
        if len(keys) > MANY:
            told = f"More than {MANY} bots match {name[:40]!r}: type more. What is shown is of {MANY} of them."
            messages.warning(request, told)
        return rows.filter(**{f"{path}__in": keys[:MANY]})

    return type("BotFilter", (TextFilter,), {"title": "bot (name)", "parameter_name": "bot", "queryset": queryset})


def environment_filter(where: Where) -> type[DropdownFilter]:
    return dropdown("environment", where, lambda request: [(item.value, item.value) for item in Environment])


def market_filter(where: Where) -> type[DropdownFilter]:
    return dropdown("market", where, lambda request: [(item.value, item.value) for item in Market])


def interval_filter(path: str = "interval") -> type[DropdownFilter]:
    return dropdown("interval", path, lambda request: [(name, name) for name in INTERVALS])


def chosen(path: str) -> tuple[str, type[ChoicesDropdownFilter]]:
    """A filter on a field with choices."""
    return path, ChoicesDropdownFilter


class DateRange(RangeDateFilter):
    """From one day to another, both included, in UTC."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for end, lookup, days in (("from", "gte", 0), ("to", "lt", 1)):
            told = self.used_parameters.get(f"{self.parameter_name}_{end}")
            if not told:
                continue
            try:
                midnight = datetime.combine(date.fromisoformat(str(told)), time(), UTC) + timedelta(days=days)
            except (ValueError, OverflowError):
                messages.error(request, f"{self.title} {end}: {str(told)[:40]!r} is no date; 2026-01-31 is one.")
                return queryset.none()
            queryset = queryset.filter(**{f"{self.field_path}__{lookup}": midnight})
        return queryset


def days(path: str) -> tuple[str, type[DateRange]]:
    """A filter on the day of a moment."""
    return path, DateRange
