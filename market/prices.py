"""What the market offers: from a feed where one runs, else one request for the whole fleet, every few seconds."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache, partial

from market.budget import Priority, spending_as
from market.exchange import public_gateway
from market.exchange.errors import ExchangeError
from market.exchange.types import Quote
from market.store import known, known_many, shared
from market.types import EPOCH, Price, milliseconds, moment_of

MAX_AGE = timedelta(seconds=3)
KEEP = timedelta(minutes=1)


def last_prices(environment: str, market: str, *, now: datetime) -> Mapping[str, Price]:
    """The last price of each symbol, at most MAX_AGE old. Raises ExchangeError.

    Where a feed runs it is asked for first, and the exchange only when somebody looks for a symbol that the feed does
    not bring: then that look may raise ExchangeError.
    """
    asked = partial(_asked_prices, environment, market, now=now)
    fed = known(fed_prices_key(environment, market), read=partial(_prices_if_fresh, now=now))
    return asked() if fed is None else FedPrices(fed, asked)


def known_prices(environment: str, market: str, *, now: datetime, max_age: timedelta = MAX_AGE) -> Mapping[str, Price]:
    """What a feed or some process has brought, no older than ``max_age``; the exchange is not asked. To show, not to
    trade by.
    """
    keys = (f"prices:{environment}:{market}", fed_prices_key(environment, market))
    found = known_many(dict.fromkeys(keys, partial(_prices_if_fresh, now=now, max_age=max_age)))
    return {name: price for prices in sorted(found.values(), key=_age) for name, price in prices.items()}


def last_quote(environment: str, market: str, symbol: str, *, now: datetime) -> Quote:
    """The best bid and ask of one symbol, at most MAX_AGE old. Raises ExchangeError.

    For entries only, and paid as one whatever else the caller does: however many bots enter at a candle's close, each
    symbol is asked for once. May talk to the exchange, so it is never called while a row is locked.
    """

    def fetch() -> tuple[bytes, Quote]:
        with spending_as(Priority.ENTRIES):
            quote = public_gateway(environment, market).quote(symbol)
        return packed_quote(quote, at=now), quote

    key, read = quote_key(environment, market, symbol), partial(_quote_if_fresh, now=now)
    return shared(key, read=read, fetch=fetch, keep=KEEP)


def known_quote(environment: str, market: str, symbol: str, *, now: datetime) -> Quote | None:
    """The same if a feed or some process has asked for it just now; the exchange is not asked."""
    return known(quote_key(environment, market, symbol), read=partial(_quote_if_fresh, now=now))


def _age(prices: Mapping[str, Price]) -> datetime:
    return max((price.at for price in prices.values()), default=EPOCH)


class FedPrices(Mapping[str, Price]):
    """Prices of a feed; what it does not bring is asked for, once, when somebody looks for it."""

    def __init__(self, fed: Mapping[str, Price], ask: Callable[[], Mapping[str, Price]]) -> None:
        self._fed = fed
        self._ask = ask

    def __getitem__(self, symbol: str) -> Price:
        if symbol in self._fed:
            return self._fed[symbol]
        if isinstance(self._others, ExchangeError):
            raise self._others
        return self._others[symbol]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fed)

    def __len__(self) -> int:
        return len(self._fed)

    @cached_property
    def _others(self) -> Mapping[str, Price] | ExchangeError:
        try:
            return self._ask()
        except ExchangeError as error:
            return error


def packed_prices(prices: Mapping[str, Decimal], *, at: datetime) -> bytes:
    """Prices as they lie in Redis."""
    return json.dumps(
        {"at_ms": milliseconds(at), "prices": {name: str(value) for name, value in prices.items()}}
    ).encode()


def packed_quote(quote: Quote, *, at: datetime) -> bytes:
    """A quote as it lies in Redis."""
    saved = {name: str(value) for name, value in asdict(quote).items()}
    return json.dumps({"at_ms": milliseconds(at), **saved}).encode()


def quote_key(environment: str, market: str, symbol: str) -> str:
    """Where the quote is in Redis."""
    return f"quote:{environment}:{market}:{symbol}"


def fed_prices_key(environment: str, market: str) -> str:
    """Where the prices of a feed are in Redis."""
    return f"prices:{environment}:{market}:fed"


def _asked_prices(environment: str, market: str, *, now: datetime) -> Mapping[str, Price]:
    def fetch() -> tuple[bytes, Mapping[str, Price]]:
        prices = public_gateway(environment, market).prices()
        return packed_prices(prices, at=now), {symbol: Price(value, now) for symbol, value in prices.items()}

    return shared(f"prices:{environment}:{market}", read=partial(_prices_if_fresh, now=now), fetch=fetch, keep=KEEP)


def _prices_if_fresh(packed: bytes, *, now: datetime, max_age: timedelta = MAX_AGE) -> Mapping[str, Price] | None:
    at, prices = _unpacked(packed)
    return dict(prices) if now - at <= max_age else None


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
