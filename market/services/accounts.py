"""Accounts: added once the exchange knows their key, renamed, deleted while nothing refers to them."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from psycopg.errors import UniqueViolation

from market.history import change
from market.models import ExchangeAccount
from market.services.keys import learn, opened_paper_keys, try_keys
from market.services.owning import locked, require_own, require_room


class NameTaken(Exception):
    """The owner has an account of this name already."""


class AccountInUse(Exception):
    """The account can't be deleted: the message names what refers to it."""


def add_account(
    owner: User,
    *,
    name: str,
    environment: str,
    market: str,
    api_key: str = "",
    api_secret: str = "",
    live_consent: bool = False,
    now: datetime,
) -> ExchangeAccount:
    """Add an account of the owner's, who is the caller, once the exchange has answered to its key.

    Without a key one is opened at the paper exchange. Raises NameTaken, KeyRefused, Django's ValidationError, and
    ExchangeError when nobody can be asked: then nothing is saved.
    """
    account = ExchangeAccount(owner=owner, name=name, environment=environment, market=market)
    account.live_consent_at = now if live_consent else None
    account.full_clean(exclude=["owner", "api_key", "api_secret"], validate_unique=False, validate_constraints=False)
    if ExchangeAccount.objects.owned_by(owner).filter(name=name).exists():  # before anybody is asked for it
        raise _taken(name)
    with transaction.atomic():
        require_room_for_account(by=owner)  # so, too
    if not api_key:
        api_key, api_secret = opened_paper_keys(account)
    account.api_key, account.api_secret = api_key, api_secret
    learn(account, try_keys(account, otherwise="Nothing is saved."), now=now)
    try:
        with transaction.atomic():
            require_room_for_account(by=owner)
            account.save(force_insert=True)
    except IntegrityError as error:
        raise _sorted(error, name) from error
    return account


def require_room_for_account(*, by: User) -> None:
    """Raise ValidationError unless the caller may have one more; in the transaction that adds it."""
    mine = ExchangeAccount.objects.owned_by(by)
    require_room(mine, more=1, most=settings.MAX_ACCOUNTS_PER_OWNER, by=by)


def rename_account(account: ExchangeAccount, name: str, *, by: User | None) -> None:
    """Give it another name. Raises NameTaken, NotYourAccount, AccountGone."""
    require_own(account, by)
    try:
        with locked(account):
            change(account, name=name)
    except IntegrityError as error:
        raise _sorted(error, name) from error


def delete_account(account: ExchangeAccount, *, by: User | None) -> None:
    """Delete an account to which nothing refers: history outlives keys (features D4), which can be wiped instead.

    Raises AccountInUse, NotYourAccount.
    """
    require_own(account, by)
    try:
        with transaction.atomic():
            # Django would read all that refers to it, which may be millions of rows, to say that there are some.
            if users := [_called(relation) for relation in _protected() if _is_there(relation, account)]:
                raise AccountInUse(f"{account.name} has {', '.join(users)}: its keys can be wiped, its history stays")
            account.delete()
    except IntegrityError as error:  # somebody has added a bot just now
        raise AccountInUse(f"{account.name} is in use: somebody has just begun to use it") from error


def _protected() -> list[models.ForeignObjectRel]:
    """What may keep an account. Orders and fills, which have no index on it, are of positions, which are asked for."""
    relations = (one for one in ExchangeAccount._meta.related_objects if getattr(one.field, "db_index", True))
    return sorted((one for one in relations if one.on_delete is models.PROTECT), key=_called)


def _is_there(relation: models.ForeignObjectRel, account: ExchangeAccount) -> bool:
    rows = relation.related_model._base_manager.filter(**{relation.field.name: account.pk})
    return bool(rows.exists())


def _called(relation: models.ForeignObjectRel) -> str:
    return str(relation.related_model._meta.verbose_name_plural)


def _taken(name: str) -> NameTaken:
    return NameTaken(f"you have an account {name!r} already")


def _sorted(error: IntegrityError, name: str) -> Exception:
    return _taken(name) if isinstance(error.__cause__, UniqueViolation) else error
