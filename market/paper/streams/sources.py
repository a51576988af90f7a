"""From a venue's prices to the messages of its streams: what each stream has to say at a moment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from market.paper.engine.ladder import Side, sides
from market.paper.engine.types import Quote
from market.paper.prices.intervals import INTERVALS
from market.paper.prices.tape import AVERAGE_MINUTES
from market.paper.prices.types import Bar, Candle, NoPrice, PriceFeed, Trade
from market.paper.streams.futures_messages import FuturesMessages
from market.paper.streams.ladder import changes
from market.paper.streams.names import Stream
from market.paper.streams.spot_messages import SpotMessages

Message = dict[str, Any]
# One message, or one with a row for each symbol.
Payload = Message | list[Message]

# At most so many at once, however much of the exchange's time has gone by since the last time.
MAX_TRADES = 1000
MAX_CLOSED = 1000


@dataclass(slots=True)
class Channel:
    """A stream somebody listens to since ``began_ms``, and what it has told: when, of which book, candle, trade."""

    stream: Stream
    began_ms: int
    spoken_ms: int
    told: Quote | None = None
    bucket: int | None = None
    trade_id: int | None = None

    def is_due(self, now_ms: int) -> bool:
        """True when a new slot of its period has begun."""
        period = self.stream.period_ms
        return now_ms // period > self.spoken_ms // period if period else now_ms > self.spoken_ms


class Writer(Protocol):
    """The messages both markets have, each in its own words."""

    def kline(self, symbol: str, interval: str, candle: Candle, now_ms: int, *, closed: bool) -> Message: ...
    def book_ticker(self, symbol: str, quote: Quote, now_ms: int) -> Message: ...
    def mini_ticker(self, symbol: str, day: Bar, now_ms: int) -> Message: ...
    def ticker(self, symbol: str, day: Bar, quote: Quote, now_ms: int) -> Message: ...
    def trade(self, symbol: str, each: Trade, now_ms: int) -> Message: ...
    def agg_trade(self, symbol: str, each: Trade, now_ms: int) -> Message: ...
    def partial_depth(self, symbol: str, quote: Quote, levels: int, *, after: int, now_ms: int) -> Message: ...
    def diff_depth(self, symbol: str, bids: Side, asks: Side, *, after: int, until: int, now_ms: int) -> Message: ...


class Source:
    """What the streams of one market say. A subclass adds what only its market has."""

    def __init__(self, feed: PriceFeed, writer: Writer) -> None:
        self.feed = feed
        self._write = writer
        self._kinds: dict[str, Callable[[Channel, int], list[Payload]]] = {
            "kline": lambda channel, now_ms: self._candles(channel, now_ms, writer.kline),
            "trade": lambda channel, now_ms: self._trades(channel, now_ms, writer.trade),
            "aggTrade": lambda channel, now_ms: self._trades(channel, now_ms, writer.agg_trade),
            "bookTicker": self._best,
            "miniTicker": lambda channel, now_ms: [self._mini_ticker(channel.stream.symbol, now_ms)],
            "ticker": lambda channel, now_ms: [self._ticker(channel.stream.symbol, now_ms)],
            "!miniTicker@arr": lambda _, now_ms: self._in_one(self._mini_ticker, now_ms),
            "depth": self._depth,
        }

    def says(self, channel: Channel, now_ms: int) -> list[Payload]:
        """What a channel has to say since it last spoke, oldest first; nothing while there is no price."""
        try:
            return self._kinds[channel.stream.kind](channel, now_ms)
        except NoPrice:
            return []

    def _candles(self, channel: Channel, now_ms: int, write: Callable[..., Message]) -> list[Payload]:
        symbol, interval = channel.stream.symbol, channel.stream.interval
        found = candles(self.feed, channel, now_ms)
        return [write(symbol, interval, candle, now_ms, closed=closed) for candle, closed in found]

    def _trades(self, channel: Channel, now_ms: int, write: Callable[[str, Trade, int], Message]) -> list[Payload]:
        """By their ids, not by their time: of a followed exchange they come late."""
        symbol = channel.stream.symbol
        if channel.trade_id is None:
            found = self.feed.trades(symbol, now_ms, start_ms=channel.began_ms + 1, limit=MAX_TRADES)
        else:
            found = self.feed.trades(symbol, now_ms, from_id=channel.trade_id + 1, limit=MAX_TRADES)
        if found:
            channel.trade_id = found[-1].trade_id
        return [write(symbol, trade, now_ms) for trade in found]

    def _best(self, channel: Channel, now_ms: int) -> list[Payload]:
        """The best bid and ask of every step; of a followed exchange not every step is seen."""
        symbol = channel.stream.symbol
        quote = self.feed.quote(symbol, now_ms)
        if quote == channel.told:
            return []
        channel.told = quote
        return [self._write.book_ticker(symbol, quote, now_ms)]

    def _book_ticker(self, symbol: str, now_ms: int) -> Message:
        return self._write.book_ticker(symbol, self.feed.quote(symbol, now_ms), now_ms)

    def _mini_ticker(self, symbol: str, now_ms: int) -> Message:
        return self._write.mini_ticker(symbol, self._day(symbol, now_ms), now_ms)

    def _ticker(self, symbol: str, now_ms: int) -> Message:
        return self._write.ticker(symbol, self._day(symbol, now_ms), self.feed.quote(symbol, now_ms), now_ms)

    def _of_all(self, write: Callable[[str, int], Message], now_ms: int) -> list[Message]:
        """What there is to say of each symbol that has a price."""
        messages = []
        for symbol in self.feed.symbols:
            with contextlib.suppress(NoPrice):
                messages.append(write(symbol, now_ms))
        return messages

    def _in_one(self, write: Callable[[str, int], Message], now_ms: int) -> list[Payload]:
        """The same as one message."""
        messages = self._of_all(write, now_ms)
        return [messages] if messages else []

    def _depth(self, channel: Channel, now_ms: int) -> list[Payload]:
        """A step's number is the id of its book, here as in GET depth."""
        stream, told = channel.stream, channel.told
        quote = self.feed.quote(stream.symbol, now_ms)
        after = told.step if told else quote.step - 1
        if quote.step <= after:
            return []
        if stream.levels:
            channel.told = quote
            return [self._write.partial_depth(stream.symbol, quote, stream.levels, after=after, now_ms=now_ms)]
        before = sides(told, told.levels) if told else ([], [])
        bids, asks = map(changes, before, sides(quote, quote.levels))
        if not bids and not asks:
            return []  # the next message goes on where the last one ended
        channel.told = quote
        return [self._write.diff_depth(stream.symbol, bids, asks, after=after, until=quote.step, now_ms=now_ms)]

    def _day(self, symbol: str, now_ms: int) -> Bar:
        """The last 24 hours, the price of this moment included: it may be held."""
        day, last = self.feed.day(symbol, now_ms), self.feed.price(symbol, now_ms)
        return day._replace(close=last, high=max(day.high, last), low=min(day.low, last))


class SpotSource(Source):
    """The streams of spot."""

    def __init__(self, feed: PriceFeed) -> None:
        writer = SpotMessages()
        super().__init__(feed, writer)

        def average(channel: Channel, now_ms: int) -> list[Payload]:
            symbol = channel.stream.symbol
            price = feed.average_price(symbol, now_ms)
            return [writer.average_price(symbol, price, AVERAGE_MINUTES, now_ms, now_ms)]

        self._kinds["avgPrice"] = average


class FuturesSource(Source):
    """The streams of futures."""

    def __init__(self, feed: PriceFeed, writer: FuturesMessages) -> None:
        super().__init__(feed, writer)

        def mark(symbol: str, now_ms: int) -> Message:
            at_ms = feed.next_funding_ms(now_ms)
            rate = feed.funding_rate(symbol, at_ms)
            return writer.mark_price(symbol, feed.quote(symbol, now_ms), rate, at_ms, now_ms)

        self._kinds |= {
            "continuousKline": lambda channel, now_ms: self._candles(channel, now_ms, writer.continuous_kline),
            "markPrice": lambda channel, now_ms: [mark(channel.stream.symbol, now_ms)],
            "!markPrice@arr": lambda _, now_ms: self._in_one(mark, now_ms),
            "!ticker@arr": lambda _, now_ms: self._in_one(self._ticker, now_ms),
            "!bookTicker": lambda _, now_ms: list(self._of_all(self._book_ticker, now_ms)),
        }


def candles(feed: PriceFeed, channel: Channel, now_ms: int) -> Iterator[tuple[Candle, bool]]:
    """The candles that have closed since the channel spoke (each once, complete, with True), then the open one.

    One that is over and may still change (of a followed exchange) holds up those after it.
    """
    symbol, interval = channel.stream.symbol, channel.stream.interval
    scale = INTERVALS[interval]
    open_now = scale.bucket(now_ms)
    first = scale.bucket(channel.spoken_ms) if channel.bucket is None else channel.bucket
    channel.bucket = max(first, open_now - MAX_CLOSED)
    while channel.bucket < open_now:
        if not feed.is_final(symbol, interval, scale.open_ms(channel.bucket)):
            return
        if candle := feed.candle_now(symbol, interval, scale.open_ms(channel.bucket + 1) - 1):
            yield candle, True
        channel.bucket += 1
    if candle := feed.candle_now(symbol, interval, now_ms):
        yield candle, False
