"""Whose accounts are whose: asked again where they are changed, whatever face the wish has come through.

``by`` is who wishes it; None is the system itself, or the command line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from market.access import may_set_keys, sees_all
from market.models import ExchangeAccount, RiskLimits


class NotYourAccount(Exception):
    """Somebody changes what is another's to change; the message says whose it is."""


class AccountGone(Exception):
    """The account was deleted meanwhile."""


def require_own(account: ExchangeAccount, by: User | None) -> None:
    """Raise NotYourAccount unless it is theirs, or they see everybody's."""
    if by is not None and account.owner_id != by.pk and not sees_all(by):
        raise NotYourAccount(f"account {account.pk} belongs to somebody else")


def require_own_keys(account: ExchangeAccount, by: User | None) -> None:
    """The same of its keys, which are its owner's matter, and that of those who may set everybody's."""
    if by is not None and not may_set_keys(by, account):
        text = f"{account.name}: its keys are {account.owner}'s or an administrator's to set; halt it instead"
        raise NotYourAccount(text)


def require_own_limits(limits: RiskLimits, by: User | None) -> None:
    """Owners bound their accounts, those who see all rows also users. Raise NotYourAccount."""
    if by is None or sees_all(by):
        return
    if limits.account is None:
        raise NotYourAccount("limits of a user are an operator's to set")
    require_own(limits.account, by)


def one_at_a_time(user: User) -> None:
    """Of two who do this for one user at once the second one sees what the first one has written. In a transaction."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def require_room(rows: QuerySet[Any], *, more: int, most: int, by: User | None) -> None:
    """Raise ValidationError unless so many more of these rows, all of the caller's own, may be added.

    Called in the transaction that adds them: of two at once the second one counts what the first has added. Who sees
    everybody's rows is not bounded.
    """
    if by is None or sees_all(by):
        return
    one_at_a_time(by)
    has, named = rows.count(), rows.model._meta.verbose_name_plural
    if has + more > most:
        raise ValidationError({"owner": f"owner: {by} has {has} {named}; {more} more would be above {most}."})


@contextmanager
def locked(account: ExchangeAccount) -> Iterator[None]:
    """Write fields of an account that is still there. Raises AccountGone."""
    with transaction.atomic():
        if not ExchangeAccount.objects.select_for_update(no_key=True).filter(pk=account.pk).exists():
            raise AccountGone(f"account {account.pk} was deleted meanwhile")
        yield
