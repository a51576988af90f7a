"""The keys of accounts: given, tried, tested, wiped."""

from collections.abc import Iterable
from copy import copy
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User

from market.exchange import gateway_for
from market.exchange.errors import ExchangeUnavailable, PermissionDenied
from market.exchange.types import Balance, KeyPermissions
from market.fields import Secret
from market.models import ExchangeAccount
from market.paper_accounts import Amounts, open_paper_account
from market.services.owning import locked, require_own_keys
from market.services.remembering import forget_balances, remember_balances
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
PAPER_DEPOSIT: Amounts = {"USDT": Decimal(10_000)}
WHY_REFUSED = (
    "key or secret has a typing error or is cut short, they are of different pairs, it is a key of another environment"
    " (testnet, live) or another market, it is restricted to other addresses than ours, or it was made just now and"
    " does not count yet"
)
Said = tuple[list[Balance], KeyPermissions | None]  # what an account holds, and what its key may do


class KeyRefused(Exception):
    """A new pair of keys does not work; the message says why that may be. Nothing has changed."""


def set_keys(account: ExchangeAccount, *, api_key: str, api_secret: str, by: User | None) -> None:
    """Replace both keys. What the exchange said of the old ones is forgotten. Raises NotYourAccount, AccountGone."""
    require_own_keys(account, by)
    with locked(account):
        account.api_key, account.api_secret = api_key, api_secret
        for name, nothing in SAID_OF_THE_KEY.items():
            setattr(account, name, nothing)
        account.save(update_fields=["api_key", "api_secret", *SAID_OF_THE_KEY])
        forget_balances(account)
        account.refresh_from_db(fields=["api_key", "api_secret"])  # sealed from now on


def open_paper_keys(account: ExchangeAccount, *, by: User | None) -> None:
    """Give a paper account without keys one at our paper exchange. Raises ExchangeUnavailable, NotYourAccount."""
    require_own_keys(account, by)
    api_key, api_secret = opened_paper_keys(account)
    set_keys(account, api_key=api_key, api_secret=api_secret, by=by)


def opened_paper_keys(account: ExchangeAccount) -> tuple[str, str]:
    """Open an account with play money at our paper exchange; its key and secret. Raises ExchangeUnavailable."""
    spot, futures = (PAPER_DEPOSIT, {}) if account.market == Market.SPOT else ({}, PAPER_DEPOSIT)
    return open_paper_account(account.name, spot, futures)


def check_connection(account: ExchangeAccount, *, now: datetime) -> list[Balance]:
    """What the account holds; see ``examine``."""
    return examine(account, now=now)[0]


def examine(account: ExchangeAccount, *, now: datetime) -> Said:
    """Ask the exchange what the account holds and what its key may do, and remember both. The testnet tells no latter.

    Raises ExchangeError, also while the exchange wants silence, and SecretUnreadable. Only a clear no to the key
    becomes its ``key_error``: an exchange that is away says nothing about it.
    """
    require_no_silence(account, now=now)
    try:
        said = _ask(account)
    except PermissionDenied as error:
        note_refusal(account, error)
        raise
    _note(account, key_error="", **_learned(said, now=now))
    remember_balances(account, said[0], now=now)
    return said


def replace_keys(
    account: ExchangeAccount, *, api_key: str, api_secret: str, by: User | None, now: datetime
) -> list[Balance]:
    """Put a new pair in the place of the old one, once the exchange has answered to it; return what it holds.

    Raises KeyRefused, NotYourAccount, AccountGone, and any other ExchangeError when the exchange can't be asked: all
    leave the old pair in force.
    """
    require_own_keys(account, by)
    tried = copy(account)
    tried.api_key, tried.api_secret = Secret.seal(api_key), Secret.seal(api_secret)
    said = try_keys(tried, otherwise="The old pair stays.")
    set_keys(account, api_key=api_key, api_secret=api_secret, by=by)
    _note(account, **_learned(said, now=now))
    remember_balances(account, said[0], now=now)
    return said[0]


def try_keys(account: ExchangeAccount, *, otherwise: str) -> Said:
    """What the exchange says to a pair that is in force nowhere yet. Raises KeyRefused, and ExchangeError."""
    try:
        return _ask(account, kept=False)
    except PermissionDenied as error:
        raise KeyRefused(f"The exchange says: {error}. Likely causes: {WHY_REFUSED}. {otherwise}") from error


def wipe_keys(account: ExchangeAccount, *, by: User | None) -> None:
    """Forget both keys; orders, fills and trades stay (features D4). Raises NotYourAccount, AccountGone.

    Works whatever its bots do, since a key that leaked must go at once; they then say that it is missing.
    """
    set_keys(account, api_key="", api_secret="", by=by)


def require_no_silence(account: ExchangeAccount, *, now: datetime) -> None:
    """Raise ExchangeUnavailable while the exchange wants to hear nothing of the account."""
    if account.is_cooling(now):
        raise ExchangeUnavailable(f"the exchange asked for silence until {account.cooldown_until:%H:%M:%S} UTC")


def note_balances(account: ExchangeAccount, balances: Iterable[Balance], *, now: datetime) -> None:
    """Remember what is free of the quote asset: entries beyond it are denied before they cost a call. And, for people
    who look, all the rest.
    """
    balances = list(balances)
    _note(account, **_learned((balances, None), now=now))
    remember_balances(account, balances, now=now)


def note_refusal(account: ExchangeAccount, error: PermissionDenied) -> None:
    """Remember a clear no to the key."""
    _note(account, key_error=str(error)[:300])


def learn(account: ExchangeAccount, said: Said, *, now: datetime) -> None:
    """Take what the exchange has said into a row that is not saved yet."""
    for name, value in _learned(said, now=now).items():
        setattr(account, name, value)


def _ask(account: ExchangeAccount, *, kept: bool = True) -> Said:
    """What the account holds, and what its key may do. The testnet can't be asked; its money is nobody's."""
    gateway = gateway_for(account, kept=kept)
    return gateway.balances(), None if account.environment == Environment.TESTNET else gateway.permissions()


def _learned(said: Said, *, now: datetime) -> dict[str, object]:
    balances, permissions = said
    free = sum((item.free for item in balances if item.asset == QUOTE_ASSET), Decimal(0))
    learned: dict[str, object] = {"free_quote": free, "balance_read_at": now}
    if permissions:
        learned |= {
            "may_withdraw": permissions.may_withdraw,
            "is_ip_restricted": permissions.is_ip_restricted,
            "permissions_checked_at": now,
        }
    return learned


def _note(account: ExchangeAccount, **said: object) -> None:
    """Write only what the exchange said: workers and owners write the rest of the row meanwhile."""
    for name, value in said.items():
        setattr(account, name, value)
    ExchangeAccount.objects.filter(pk=account.pk).update(**said)
