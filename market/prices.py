"""What the market offers: one request for the whole fleet, every few seconds."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial

from market.budget import Priority, spending_as
from market.exchange import public_gateway
from market.exchange.types import Quote
from market.store import known, shared
from market.types import Price, milliseconds, moment_of

MAX_AGE = timedelta(seconds=3)


def last_prices(environment: str, market: str, *, now: datetime) -> dict[str, Price]:
    """The last price of each symbol, at most MAX_AGE old. Raises ExchangeError."""

    def read(packed: bytes) -> dict[str, Price] | None:
        at, prices = _unpacked(packed)
        return dict(prices) if now - at <= MAX_AGE else None

    def fetch() -> tuple[bytes, dict[str, Price]]:
        prices = public_gateway(environment, market).prices()
        packed = json.dumps(
            {"at_ms": milliseconds(now), "prices": {name: str(value) for name, value in prices.items()}}
        )
        return packed.encode(), {symbol: Price(value, now) for symbol, value in prices.items()}

    return shared(f"prices:{environment}:{market}", read=read, fetch=fetch, keep=timedelta(minutes=1))


def last_quote(environment: str, market: str, symbol: str, *, now: datetime) -> Quote:
    """The best bid and ask of one symbol, at most MAX_AGE old. Raises ExchangeError.

    For entries only, and paid as one whatever else the caller does: however many bots enter at a candle's close, each
    symbol is asked for once. May talk to the exchange, so it is never called while a row is locked.
    """

    def fetch() -> tuple[bytes, Quote]:
        with spending_as(Priority.ENTRIES):
            quote = public_gateway(environment, market).quote(symbol)
        saved = {name: str(value) for name, value in asdict(quote).items()}
        return json.dumps({"at_ms": milliseconds(now), **saved}).encode(), quote

    key, read = _quote_key(environment, market, symbol), partial(_quote_if_fresh, now=now)
    return shared(key, read=read, fetch=fetch, keep=timedelta(minutes=1))


def known_quote(environment: str, market: str, symbol: str, *, now: datetime) -> Quote | None:
    """The same if some process has asked for it just now; the exchange is not asked."""
    return known(_quote_key(environment, market, symbol), read=partial(_quote_if_fresh, now=now))


def _quote_key(environment: str, market: str, symbol: str) -> str:
    return f"quote:{environment}:{market}:{symbol}"


def _quote_if_fresh(packed: bytes, *, now: datetime) -> Quote | None:
    saved = json.loads(packed)
    if now - moment_of(saved.pop("at_ms")) > MAX_AGE:
        return None
    return Quote(**{name: Decimal(value) for name, value in saved.items()})


@lru_cache(maxsize=8)
def _unpacked(packed: bytes) -> tuple[datetime, dict[str, Price]]:
    """A shared copy, which many bots read before it is too old."""
    saved = json.loads(packed)
    at = moment_of(saved["at_ms"])
    return at, {symbol: Price(Decimal(value), at) for symbol, value in saved["prices"].items()}
