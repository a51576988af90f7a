"""What users do with accounts: give, test and wipe their keys."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from market.exchange import gateway_for
from market.exchange.errors import ExchangeUnavailable, PermissionDenied
from market.exchange.types import Balance
from market.fields import SecretUnreadable
from market.models import ExchangeAccount
from market.paper_accounts import Amounts, open_paper_account
from market.types import Market


def set_keys(account: ExchangeAccount, *, api_key: str, api_secret: str) -> None:
    """Replace both keys. What the exchange said of the old ones is forgotten."""
    account.api_key, account.api_secret, account.key_error = api_key, api_secret, ""
    account.save(update_fields=["api_key", "api_secret", "key_error"])
    account.refresh_from_db(fields=["api_key", "api_secret"])  # sealed from now on


PAPER_DEPOSIT: Amounts = {"USDT": Decimal(10_000)}


def open_paper_keys(account: ExchangeAccount) -> None:
    """Give a paper account without keys an account at our paper exchange. Raises ExchangeUnavailable."""
    spot, futures = (PAPER_DEPOSIT, {}) if account.market == Market.SPOT else ({}, PAPER_DEPOSIT)
    api_key, api_secret = open_paper_account(account.name, spot, futures)
    set_keys(account, api_key=api_key, api_secret=api_secret)


def check_connection(account: ExchangeAccount, *, now: datetime) -> list[Balance]:
    """Ask the exchange what the account holds, and remember whether it took the key.

    Raises ExchangeError, also while the exchange wants silence, and SecretUnreadable. Only a clear no to the key
    becomes its ``key_error``: an exchange that is away says nothing about it.
    """
    if account.is_cooling(now):
        raise ExchangeUnavailable(f"the exchange asked for silence until {account.cooldown_until:%H:%M:%S} UTC")
    try:
        balances = gateway_for(account).balances()
    except PermissionDenied as error:
        _note_key_error(account, str(error))
        raise
    _note_key_error(account, "")
    return balances


def wipe_keys(account: ExchangeAccount) -> None:
    """Forget both keys; orders, fills and trades stay (features D4).

    Works whatever its bots do, since a key that leaked must go at once; they then say that it is missing.
    """
    set_keys(account, api_key="", api_secret="")


def rotate_secrets() -> int:
    """Seal every secret anew with the first of FIELD_KEYS, so that the older ones can go; return how many accounts.

    All or none: raises SecretUnreadable, naming the account, when one of them can't be opened.
    """
    with transaction.atomic():
        accounts = list(ExchangeAccount.objects.select_for_update(no_key=True).order_by("pk"))
        for account in accounts:
            try:
                account.api_key, account.api_secret = account.api_key.rotated(), account.api_secret.rotated()
            except SecretUnreadable as error:
                raise SecretUnreadable(f"account {account.pk} ({account.name}): {error}") from error
            account.save(update_fields=["api_key", "api_secret"])
    return len(accounts)


def _note_key_error(account: ExchangeAccount, text: str) -> None:
    account.key_error = text[:300]
    ExchangeAccount.objects.filter(pk=account.pk).update(key_error=account.key_error)
