"""What users do with accounts: give, test and wipe their keys."""

from datetime import datetime

from django.db import transaction

from market.exchange import gateway_for
from market.exchange.errors import ExchangeUnavailable, PermissionDenied
from market.exchange.types import Balance
from market.models import ExchangeAccount
from market.symbols import is_dust


class AccountInUse(Exception):
    """The keys of an account that bots trade with can't be wiped: stop them first."""


def set_keys(account: ExchangeAccount, *, api_key: str, api_secret: str) -> None:
    """Replace both keys. What the exchange said of the old ones is forgotten."""
    account.api_key, account.api_secret, account.key_error = api_key, api_secret, ""
    account.save(update_fields=["api_key", "api_secret", "key_error"])
    account.refresh_from_db(fields=["api_key", "api_secret"])  # sealed from now on


def test_connection(account: ExchangeAccount, *, now: datetime) -> list[Balance]:
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


# pytest takes every function whose name begins like this for a test.
test_connection.__test__ = False  # type: ignore[attr-defined]


def wipe_keys(account: ExchangeAccount) -> None:
    """Forget both keys; orders, fills and trades stay (features D4). Raises AccountInUse."""
    with transaction.atomic():
        locked = ExchangeAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        busy = _bots_at_work(locked)
        if busy:
            raise AccountInUse(f"{account.name}: {busy} of its bots run or are selling: stop them first")
        set_keys(account, api_key="", api_secret="")


def _bots_at_work(account: ExchangeAccount) -> int:
    """How many bots run or have something left to sell.

    `bots` is the other end of a bot's foreign key: all that this layer knows of bots.
    """
    selling = account.bots.filter(desired_state="flattened").exclude(position__quantity=0)
    to_sell = [
        symbol
        for symbol, quantity in selling.values_list("symbol", "position__quantity")
        if not is_dust(account.environment, account.market, symbol, quantity)
    ]
    return account.bots.filter(desired_state="running").count() + len(to_sell)


def _note_key_error(account: ExchangeAccount, text: str) -> None:
    account.key_error = text[:300]
    ExchangeAccount.objects.filter(pk=account.pk).update(key_error=account.key_error)
