"""The door to the exchange: a gateway for an account, or for an environment's public data."""

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from market.exchange.errors import NotConfigured
from market.exchange.hosts import hosts_of
from market.types import Environment, Market

if TYPE_CHECKING:
    from market.exchange.gateway import Gateway
    from market.models import ExchangeAccount

# A gateway keeps connections open and is not thread-safe, so each thread keeps its own.
_gateways = threading.local()
# Sealed texts that a key of FIELD_KEYS has opened; those keys change with a restart only.
_opened: set[str] = set()


def gateway_for(account: "ExchangeAccount", market: str = "", *, kept: bool = True) -> "Gateway":
    """The gateway of one account; ``market`` asks for the other market behind the same key.

    Not ``kept``: for a key that is only tried, of which nothing stays. Raise NotConfigured without a key,
    SecretUnreadable when no key opens it.
    """
    _require_consent(account)
    tokens = (account.api_key.token, account.api_secret.token)
    return _gateway(
        account.environment,
        market or account.market,
        tokens,
        api_key=account.api_key.reveal,
        api_secret=account.api_secret.reveal,
        kept=kept,
    )


def require_key(account: "ExchangeAccount") -> None:
    """Whether `gateway_for` would have a key to work with, for less than a gateway costs. Raises as it does."""
    _require_consent(account)
    for secret in (account.api_key, account.api_secret):
        if secret.token not in _opened:
            secret.reveal()
            _opened.add(secret.token)


def _require_consent(account: "ExchangeAccount") -> None:
    if not (account.api_key and account.api_secret):
        raise NotConfigured(f"account {account.name} has no API key")
    if account.environment == Environment.LIVE and not account.live_consent_at:
        raise NotConfigured(f"account {account.name} has no consent to trade real money")


def public_gateway(environment: str, market: str) -> "Gateway":
    """The gateway for public data of one environment and market; it holds no key."""
    return _gateway(environment, market, ("", ""), api_key=str, api_secret=str)


def _gateway(
    environment: str,
    market: str,
    tokens: tuple[str, str],
    *,
    api_key: Callable[[], str],
    api_secret: Callable[[], str],
    kept: bool = True,
) -> "Gateway":
    hosts = hosts_of(environment)
    known = _gateways.__dict__.setdefault("by_key", {}) if kept else {}
    cache_key = (market, hosts, *tokens)
    if cache_key not in known:
        # Imported late: the library costs 0.3 s and 40 MB, which web and beat do without.
        from market import clock
        from market.budget import budget_of
        from market.exchange.adapter import GATEWAYS

        known[cache_key] = GATEWAYS[Market(market)](
            hosts,
            environment=environment,
            api_key=api_key(),
            api_secret=api_secret(),
            meter_for=partial(budget_of, environment),
            forget_clock=partial(clock.forget, environment, market),
        )
    gateway: Gateway = known[cache_key]
    return gateway
