"""Risk limits: what owners bound on their accounts, and operators on anybody's."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from psycopg.errors import UniqueViolation

from market.models import RiskLimits
from market.services.owning import AccountGone, require_own_limits


class AlreadyLimited(Exception):
    """There are limits of this account, or this user, already."""


def save_limits(limits: RiskLimits, *, by: User | None, changed: Iterable[str] | None = None) -> None:
    """Write new limits, or the fields of old ones that were changed: all unless told.

    Raises NotYourAccount, AlreadyLimited, AccountGone.
    """
    require_own_limits(limits, by)
    try:
        with transaction.atomic():
            if limits.pk:
                _require_own_before(limits, by)
            limits.save(update_fields=changed)
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            raise AlreadyLimited(f"there are {limits} already: change those") from error
        raise AccountGone(f"{limits.account or limits.user} was deleted meanwhile") from error


def _require_own_before(limits: RiskLimits, by: User | None) -> None:
    """Lock what the limits were until now: those of another's account can't be moved to one's own."""
    rows = RiskLimits.objects.select_for_update(no_key=True, of=("self",)).select_related("account")
    was = rows.filter(pk=limits.pk).first()
    if was is None:
        raise AccountGone(f"limits {limits.pk} were deleted meanwhile")
    require_own_limits(was, by)


def delete_limits(limits: RiskLimits, *, by: User | None) -> None:
    """Let no limits bound it any more but the platform's. Raises NotYourAccount."""
    require_own_limits(limits, by)
    limits.delete()
