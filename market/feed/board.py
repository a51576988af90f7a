"""The newest prices and quotes of one environment and market, on their way to Redis."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django_redis import get_redis_connection

from market.exchange.types import Quote
from market.prices import KEEP, fed_prices_key, packed_prices, packed_quote, quote_key

EVERY = timedelta(milliseconds=500)
# An unchanged quote is written again only so often: enough for those who take none that is older than 3 s.
REPEAT_AFTER = timedelta(seconds=1)
# What is older stays out: whoever needs it asks the exchange.
OLDEST = timedelta(milliseconds=1500)
# A symbol whose best prices stand still for so long may as well have been forgotten by the exchange.
QUIET = timedelta(seconds=10)


@dataclass(frozen=True)
class Entry:
    """A quote and the moment when it was told, or of which we know that it was the case."""

    quote: Quote
    at: datetime


@dataclass
class Board:
    """What was heard last of each symbol. A method may be called from one thread only."""

    environment: str
    market: str
    executed: dict[str, Decimal] = field(default_factory=dict)  # the price of the last execution
    quotes: dict[str, Entry] = field(default_factory=dict)
    _written: dict[str, Entry] = field(default_factory=dict)

    def hear(self, symbol: str, quote: Quote, *, at: datetime) -> None:
        """Take a quote that was told."""
        self.quotes[symbol] = Entry(quote, at)

    def keep_only(self, symbols: set[str]) -> None:
        """Forget all other symbols."""
        for known in (self.executed, self.quotes, self._written):
            for symbol in known.keys() - symbols:
                del known[symbol]

    def forget(self, symbols: set[str]) -> None:
        """Their quotes are not heard any more."""
        for symbol in symbols:
            self.quotes.pop(symbol, None)

    def due(self, moments: dict[str, datetime], *, now: datetime) -> dict[str, bytes]:
        """What has to be written, by key. ``moments``: of which moment each symbol's quote is the truth.

        A best price that has not changed is not told again: it is the case while the connection tells of others, for
        a while.
        """
        entries = {
            symbol: Entry(told.quote, moments[symbol])
            for symbol, told in self.quotes.items()
            if symbol in moments and now - moments[symbol] <= OLDEST and now - told.at <= QUIET
        }
        due = {
            quote_key(self.environment, self.market, symbol): packed_quote(entry.quote, at=entry.at)
            for symbol, entry in entries.items()
            if self._is_news(symbol, entry)
        }
        priced = entries.keys() & self.executed.keys()
        if priced:
            prices = {symbol: self._price(symbol, entries[symbol].quote) for symbol in priced}
            at = min(entries[symbol].at for symbol in priced)
            due[fed_prices_key(self.environment, self.market)] = packed_prices(prices, at=at)
        return due

    def _is_news(self, symbol: str, entry: Entry) -> bool:
        written = self._written.get(symbol)
        if written and written.quote == entry.quote and entry.at - written.at < REPEAT_AFTER:
            return False
        self._written[symbol] = entry
        return True

    def _price(self, symbol: str, quote: Quote) -> Decimal:
        """The last execution's price. What is not between the best prices any more has been left behind by them."""
        return min(max(self.executed[symbol], quote.bid), quote.ask)


def write(due: dict[str, bytes]) -> None:
    """Write in one round trip. May raise RedisError."""
    pipe = get_redis_connection("default").pipeline(transaction=False)
    for key, packed in due.items():
        pipe.set(key, packed, px=KEEP)
    pipe.execute()
