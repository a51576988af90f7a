"""What an account holds, for people who look at it: asked for by one of them, and shared for some seconds."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from market.exchange import gateway_for
from market.exchange.errors import PermissionDenied
from market.exchange.types import Balance
from market.models import ExchangeAccount
from market.services.keys import note_balances, note_refusal, require_no_silence
from market.store import known, shared
from market.types import milliseconds, moment_of

MAX_AGE = timedelta(seconds=5)


@dataclass(frozen=True)
class Holdings:
    """What an account held, and when."""

    at: datetime
    balances: list[Balance]


def known_holdings(account: ExchangeAccount, *, now: datetime) -> Holdings | None:
    """What somebody has asked for just now; the exchange is not asked."""
    return known(_key(account), read=partial(_if_fresh, now=now))


def holdings(account: ExchangeAccount, *, now: datetime) -> Holdings:
    """What the account holds, at most MAX_AGE old. Raises ExchangeError and SecretUnreadable, as ``examine``."""
    try:
        return heard(account, now=now)
    except PermissionDenied as error:
        note_refusal(account, error)
        raise


def heard(account: ExchangeAccount, *, now: datetime) -> Holdings:
    """The same; what a refused key means is the caller's to say."""

    def fetch() -> tuple[bytes, Holdings]:
        require_no_silence(account, now=now)
        balances = gateway_for(account).balances()
        note_balances(account, balances, now=now)
        return _packed(balances, now), Holdings(moment_of(milliseconds(now)), balances)

    return shared(_key(account), read=partial(_if_fresh, now=now), fetch=fetch, keep=MAX_AGE)


def _key(account: ExchangeAccount) -> str:
    return f"balances:{account.pk}:{account.key_mark}"


def _packed(balances: list[Balance], at: datetime) -> bytes:
    rows = [(item.asset, str(item.free), str(item.locked)) for item in balances]
    return json.dumps({"at_ms": milliseconds(at), "balances": rows}).encode()


def _if_fresh(packed: bytes, *, now: datetime) -> Holdings | None:
    saved = json.loads(packed)
    at = moment_of(saved["at_ms"])
    if now - at > MAX_AGE:
        return None
    return Holdings(at, [Balance(asset, Decimal(free), Decimal(locked)) for asset, free, locked in saved["balances"]])
