"""The order book of a symbol at one moment: best prices, how far they are apart, how much is offered near them."""

import json
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from market.exchange import public_gateway
from market.exchange.types import Level, OrderBook
from market.rounding import plain
from market.store import known, shared
from market.types import milliseconds, moment_of

LEVELS = 20  # of each side
NEAR = 5  # the levels whose volumes are added up
MAX_AGE = timedelta(seconds=1)
KEEP = timedelta(seconds=10)
Row = tuple[str, str]


@dataclass(frozen=True)
class BookSnapshot:
    """An order book as it was. A side that nobody offers has no best price, and then there is no spread."""

    at: datetime
    book: OrderBook

    @property
    def best_bid(self) -> Decimal | None:
        return self.book.bids[0].price if self.book.bids else None

    @property
    def best_ask(self) -> Decimal | None:
        return self.book.asks[0].price if self.book.asks else None

    @property
    def spread(self) -> Decimal | None:
        """Best ask less best bid, in quote asset."""
        if self.best_bid is None or self.best_ask is None:
            return None
        return self.best_ask - self.best_bid

    @property
    def spread_percent(self) -> Decimal | None:
        """The spread in percent of the middle between the best prices."""
        if self.best_bid is None or self.best_ask is None:
            return None
        return 200 * (self.best_ask - self.best_bid) / (self.best_ask + self.best_bid)

    @property
    def bid_volume(self) -> Decimal:
        """What the NEAR best bids would buy, in base asset."""
        return sum((level.quantity for level in self.book.bids[:NEAR]), Decimal(0))

    @property
    def ask_volume(self) -> Decimal:
        """What the NEAR best asks would sell, in base asset."""
        return sum((level.quantity for level in self.book.asks[:NEAR]), Decimal(0))


def order_book(environment: str, market: str, symbol: str, *, now: datetime) -> BookSnapshot:
    """The book of one symbol, at most MAX_AGE old, asked for by one process for all. Raises ExchangeError."""

    def fetch() -> tuple[bytes, BookSnapshot]:
        snapshot = BookSnapshot(now, public_gateway(environment, market).order_book(symbol, levels=LEVELS))
        return _packed(snapshot), snapshot

    return shared(_key(environment, market, symbol), read=partial(_if_fresh, now=now), fetch=fetch, keep=KEEP)


def known_book(environment: str, market: str, symbol: str, *, now: datetime) -> BookSnapshot | None:
    """The same if somebody has asked for it just now; the exchange is not asked."""
    return known(_key(environment, market, symbol), read=partial(_if_fresh, now=now))


def told(snapshot: BookSnapshot) -> dict[str, Any]:
    """A snapshot as JSON has it: amounts are texts."""
    return {
        "at": snapshot.at.isoformat(),
        "best_bid": _text(snapshot.best_bid),
        "best_ask": _text(snapshot.best_ask),
        "spread": _text(snapshot.spread),
        "spread_percent": _text(snapshot.spread_percent and round(snapshot.spread_percent, 6)),
        "bid_volume": _text(snapshot.bid_volume),
        "ask_volume": _text(snapshot.ask_volume),
        "bids": [[plain(part) for part in astuple(level)] for level in snapshot.book.bids],
        "asks": [[plain(part) for part in astuple(level)] for level in snapshot.book.asks],
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _key(environment: str, market: str, symbol: str) -> str:
    return f"book:{environment}:{market}:{symbol}"


def _packed(snapshot: BookSnapshot) -> bytes:
    book = snapshot.book
    return json.dumps({"at_ms": milliseconds(snapshot.at), "bids": _rows(book.bids), "asks": _rows(book.asks)}).encode()


def _rows(levels: tuple[Level, ...]) -> list[Row]:
    return [(str(level.price), str(level.quantity)) for level in levels]


def _if_fresh(packed: bytes, *, now: datetime) -> BookSnapshot | None:
    saved = json.loads(packed)
    at = moment_of(saved["at_ms"])
    return BookSnapshot(at, OrderBook(_levels(saved["bids"]), _levels(saved["asks"]))) if now - at <= MAX_AGE else None


def _levels(rows: list[Row]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(quantity)) for price, quantity in rows)
