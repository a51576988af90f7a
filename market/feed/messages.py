"""What a combined stream says, in our words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import orjson

from market.exchange.reading import UNREADABLE, amount, flag, whole, word
from market.exchange.types import Quote
from market.feed.copies import Rows
from market.feed.streams import BEST, CANDLES


class Unreadable(Exception):
    """A message that has another shape than promised: nobody knows what it was about."""


@dataclass(frozen=True)
class CandleNews:
    """A candle as it is now; closed, it stays so. ``row`` as in Copy; ``price`` is that of its last execution."""

    stream: str
    symbol: str
    row: Rows
    price: Decimal
    is_closed: bool
    said_ms: int


@dataclass(frozen=True)
class QuoteNews:
    """The best prices of a symbol as they are now. Spot does not say when it says so."""

    symbol: str
    quote: Quote
    said_ms: int | None


@dataclass(frozen=True)
class Answer:
    """The exchange's answer to a request of ours; ``error`` is empty when it was done."""

    request_id: int
    error: str


News = CandleNews | QuoteNews | Answer


def news_of(text: str | bytes) -> News | None:
    """Read a message; None for one that is not about us. Raise Unreadable."""
    try:
        return _read(orjson.loads(text))
    except UNREADABLE as error:
        raise Unreadable(f"{type(error).__name__} in {text[:80]!r}") from error


def _read(message: Mapping[str, Any]) -> News | None:
    if "stream" not in message:
        error = message.get("error")
        return Answer(whole(message["id"]), str(error["msg"]) if error else "")
    name, data = word(message["stream"]), message["data"]
    kind = name.partition("@")[2].partition("_")[0]
    if kind == CANDLES:
        return _candle(name, data)
    return _quote(data) if kind == BEST else None


def _candle(name: str, data: Mapping[str, Any]) -> CandleNews:
    candle = data["k"]
    row = [whole(candle["t"]), *(float(amount(candle[letter])) for letter in "ohlcv")]
    return CandleNews(
        stream=name,
        symbol=word(candle["s"]),
        row=np.array(row, dtype=np.float64),
        price=_positive(candle["c"]),
        is_closed=flag(candle["x"]),
        said_ms=whole(data["E"]),
    )


def _quote(data: Mapping[str, Any]) -> QuoteNews:
    quote = Quote(_positive(data["b"]), amount(data["B"]), _positive(data["a"]), amount(data["A"]))
    return QuoteNews(word(data["s"]), quote, whole(data["E"]) if "E" in data else None)


def _positive(text: object) -> Decimal:
    value = amount(text)
    if value <= 0:
        raise ValueError(f"{text} is no price")
    return value
