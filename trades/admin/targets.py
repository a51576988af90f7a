"""Which kill switches a page is about: asked for by its address, chosen in a list, or carried from page to page."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from market.access import sees_all
from market.models import ExchangeAccount
from market.switches import Scope
from trades import services


class Wanted(NamedTuple):
    """One switch that is to be pressed, and what it was called, and how it stood, when it was shown."""

    scope: str
    pk: int | None  # of the account or the user
    name: str
    mark: str = ""

    @classmethod
    def of(cls, target: services.Target, mark: str = "") -> "Wanted":
        row = target.account or target.user
        return cls(target.scope, row.pk if row else None, str(target), mark)


def asked_for(request: HttpRequest) -> list[Wanted]:
    """What the address names."""
    platform = [Wanted.of(services.PLATFORM)] if "platform" in request.GET else []
    users = [Wanted(Scope.USER, pk, f"user {pk}") for pk in _numbers(request, "user")]
    accounts = [Wanted(Scope.ACCOUNT, pk, f"account {pk}") for pk in _numbers(request, "account")]
    return [*platform, *users, *accounts]


def _numbers(request: HttpRequest, name: str) -> list[int]:
    told = request.GET.getlist(name)
    return [int(number) for number in dict.fromkeys(told) if number.isdecimal() and len(number) < 18]


def find(request: HttpRequest, wanted: Sequence[Wanted]) -> list[services.Target]:
    """Those that exist and are one's to press, the widest first. Raises PermissionDenied."""
    found = list[services.Target]()
    if any(each.scope != Scope.ACCOUNT for each in wanted):
        _require(request, "market.change_switch")
    if any(each.scope == Scope.PLATFORM for each in wanted):
        if not sees_all(request.user):
            raise PermissionDenied("only an operator presses the switch of the platform")
        found.append(services.PLATFORM)
    found += [services.Target(user=person) for person in _users(request, _keys(wanted, Scope.USER))]
    if accounts := _keys(wanted, Scope.ACCOUNT):
        _require(request, "market.change_exchangeaccount")
        found += [services.Target(account=account) for account in _accounts(request, accounts)]
    return found


def marked(wanted: Iterable[Wanted], found: Iterable[services.Target]) -> tuple[dict[services.Target, str], list[str]]:
    """Those that were found, with the marks of how they stood when they were shown; the names of the others."""
    shown = {each[:2]: each for each in wanted}
    marks = {target: shown.pop(Wanted.of(target)[:2]).mark for target in found}
    return marks, [each.name for each in shown.values()]


def _keys(wanted: Sequence[Wanted], scope: Scope) -> list[Any]:
    return [each.pk for each in wanted if each.scope == scope]


def _users(request: HttpRequest, keys: list[Any]) -> Iterable[User]:
    known = keys if sees_all(request.user) else [pk for pk in keys if pk == request.user.pk]
    return User.objects.filter(pk__in=known).order_by("pk")


def _accounts(request: HttpRequest, keys: list[Any]) -> Iterable[ExchangeAccount]:
    rows = ExchangeAccount.objects.select_related("owner").filter(pk__in=keys).order_by("pk")
    return rows if sees_all(request.user) else rows.filter(owner=request.user.pk)


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied(permission)
