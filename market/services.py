"""What users do with accounts: give, test and wipe their keys."""

from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import transaction

from market.exchange import gateway_for
from market.exchange.errors import ExchangeUnavailable, PermissionDenied
from market.exchange.types import Balance, KeyPermissions
from market.fields import Secret, SecretField, SecretUnreadable
from market.models import ExchangeAccount
from market.paper_accounts import Amounts, open_paper_account
from market.symbols import QUOTE_ASSET
from market.types import Environment, Market

SAID_OF_THE_KEY = {
    "key_error": "",
    "may_withdraw": None,
    "is_ip_restricted": None,
    "permissions_checked_at": None,
    "reconciled_at": None,
    "free_quote": None,
    "balance_read_at": None,
}


def set_keys(account: ExchangeAccount, *, api_key: str, api_secret: str) -> None:
    """Replace both keys. What the exchange said of the old ones is forgotten."""
    account.api_key, account.api_secret = api_key, api_secret
    for name, nothing in SAID_OF_THE_KEY.items():
        setattr(account, name, nothing)
    account.save(update_fields=["api_key", "api_secret", *SAID_OF_THE_KEY])
    account.refresh_from_db(fields=["api_key", "api_secret"])  # sealed from now on


PAPER_DEPOSIT: Amounts = {"USDT": Decimal(10_000)}


def open_paper_keys(account: ExchangeAccount) -> None:
    """Give a paper account without keys an account at our paper exchange. Raises ExchangeUnavailable."""
    spot, futures = (PAPER_DEPOSIT, {}) if account.market == Market.SPOT else ({}, PAPER_DEPOSIT)
    api_key, api_secret = open_paper_account(account.name, spot, futures)
    set_keys(account, api_key=api_key, api_secret=api_secret)


def check_connection(account: ExchangeAccount, *, now: datetime) -> list[Balance]:
    """What the account holds; see ``examine``."""
    return examine(account, now=now)[0]


def examine(account: ExchangeAccount, *, now: datetime) -> tuple[list[Balance], KeyPermissions | None]:
    """Ask the exchange what the account holds and what its key may do, and remember both. The testnet tells no latter.

    Raises ExchangeError, also while the exchange wants silence, and SecretUnreadable. Only a clear no to the key
    becomes its ``key_error``: an exchange that is away says nothing about it.
    """
    if account.is_cooling(now):
        raise ExchangeUnavailable(f"the exchange asked for silence until {account.cooldown_until:%H:%M:%S} UTC")
    try:
        balances, permissions = _ask(account)
    except PermissionDenied as error:
        _note(account, key_error=str(error)[:300])
        raise
    _note(account, key_error="")
    note_balances(account, balances, now=now)
    if permissions:
        _note_permissions(account, permissions, now=now)
    return balances, permissions


class KeyRefused(Exception):
    """A new pair of keys does not work; the message says why that may be. The old pair stays."""


WHY_REFUSED = (
    "key or secret has a typing error or is cut short, they are of different pairs, it is a key of another environment"
    " (testnet, live) or another market, it is restricted to other addresses than ours, or it was made just now and"
    " does not count yet"
)


def replace_keys(account: ExchangeAccount, *, api_key: str, api_secret: str, now: datetime) -> list[Balance]:
    """Put a new pair in the place of the old one, once the exchange has answered to it; return what it holds.

    Raises KeyRefused, and any other ExchangeError when the exchange can't be asked: both leave the old pair in force.
    """
    tried = copy(account)
    tried.api_key, tried.api_secret = Secret.seal(api_key), Secret.seal(api_secret)
    try:
        balances, permissions = _ask(tried)
    except PermissionDenied as error:
        raise KeyRefused(f"The exchange says: {error}. Likely causes: {WHY_REFUSED}. The old pair stays.") from error
    set_keys(account, api_key=api_key, api_secret=api_secret)
    note_balances(account, balances, now=now)
    if permissions:
        _note_permissions(account, permissions, now=now)
    return balances


def _ask(account: ExchangeAccount) -> tuple[list[Balance], KeyPermissions | None]:
    """What the account holds, and what its key may do. The testnet can't be asked; its money is nobody's."""
    gateway = gateway_for(account)
    return gateway.balances(), None if account.environment == Environment.TESTNET else gateway.permissions()


def note_balances(account: ExchangeAccount, balances: Iterable[Balance], *, now: datetime) -> None:
    """Remember what is free of the quote asset: entries beyond it are denied before they cost a call."""
    free = sum((item.free for item in balances if item.asset == QUOTE_ASSET), Decimal(0))
    _note(account, free_quote=free, balance_read_at=now)


def _note_permissions(account: ExchangeAccount, permissions: KeyPermissions, *, now: datetime) -> None:
    _note(
        account,
        may_withdraw=permissions.may_withdraw,
        is_ip_restricted=permissions.is_ip_restricted,
        permissions_checked_at=now,
    )


def wipe_keys(account: ExchangeAccount) -> None:
    """Forget both keys; orders, fills and trades stay (features D4).

    Works whatever its bots do, since a key that leaked must go at once; they then say that it is missing.
    """
    set_keys(account, api_key="", api_secret="")


def rotate_secrets() -> dict[str, int]:
    """Seal every secret anew with the first of FIELD_KEYS, so that the older ones can go; return how many rows of what.

    All or none, of every model of every app: raises SecretUnreadable, naming the row, when one of them can't be opened.
    """
    with transaction.atomic():
        return {model._meta.verbose_name: _rotate(model, names) for model, names in _models_with_secrets()}


def _models_with_secrets() -> Iterator[tuple[Any, list[str]]]:
    for model in apps.get_models():
        if names := [field.name for field in model._meta.local_fields if isinstance(field, SecretField)]:
            yield model, names


def _rotate(model: Any, names: list[str]) -> int:
    rows = list(model.objects.select_for_update(no_key=True).order_by("pk"))
    for row in rows:
        try:
            for name in names:
                setattr(row, name, getattr(row, name).rotated())
        except SecretUnreadable as error:
            raise SecretUnreadable(f"{model._meta.verbose_name} {row.pk} ({row}): {error}") from error
        # Past the history: a new seal is no new secret.
        model.objects.filter(pk=row.pk).update(**{name: getattr(row, name) for name in names})
    return len(rows)


def _note(account: ExchangeAccount, **said: object) -> None:
    """Write only what the exchange said: workers and owners write the rest of the row meanwhile."""
    for name, value in said.items():
        setattr(account, name, value)
    ExchangeAccount.objects.filter(pk=account.pk).update(**said)
