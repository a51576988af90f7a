"""Prices of a live exchange, copied: a PriceFeed made of what the poller (poll.py) has seen of it, and nothing else.

When the followed exchange is silent or answers nonsense, quotes grow old and then there is no price (NoPrice), until it
speaks again. Candles and trades stay as they were.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from market.paper.engine.amounts import units
from market.paper.engine.types import Market, Quote
from market.paper.prices.feed import DEFAULT_BOOK, decimals_of
from market.paper.prices.funding import next_funding_ms
from market.paper.prices.intervals import CALENDAR, INTERVALS, MINUTES
from market.paper.prices.live import LiveCandles, LiveFundings, LiveQuotes, LiveTrades
from market.paper.prices.path import STEP_MS
from market.paper.prices.quotes import Book
from market.paper.prices.types import Bar, Candle, Funding, Kind, NoPrice, NoZone, Trade

BNB = "BNBUSDT"
STALE_MS = 10_000


class FollowFeed:
    """A PriceFeed of the symbols in ``info``, the followed exchange's exchangeInfo. A Poller keeps it fresh."""

    def __init__(
        self, market: Market, info: dict[str, Any], *, book: Book = DEFAULT_BOOK, stale_ms: int = STALE_MS
    ) -> None:
        entries = {entry["symbol"]: entry for entry in info["symbols"]}
        self.market = market
        self.info = info
        self.symbols = list(entries)
        self.intervals = [*MINUTES, *CALENDAR]
        self.candles = {symbol: LiveCandles(decimals_of(entry), self.intervals) for symbol, entry in entries.items()}
        self.public_trades = {symbol: LiveTrades() for symbol in entries}
        self.fundings = {symbol: LiveFundings(symbol) for symbol in entries}
        self._quotes = {symbol: LiveQuotes(entry, book, stale_ms) for symbol, entry in entries.items()}
        self._stale_ms = stale_ms
        # By symbol: when it was seen, mark and index price.
        self._marks: dict[str, tuple[int, int, int]] = {}

    def see_mark(self, symbol: str, now_ms: int, row: dict[str, Any]) -> None:
        """Take a row of premiumIndex. Raises what nonsense raises."""
        if symbol in self._quotes:
            mark, index = units(row["markPrice"]), units(row["indexPrice"])
            self._marks[symbol] = now_ms, mark, index
            self.fundings[symbol].put(int(row["nextFundingTime"]), units(row["lastFundingRate"]), mark)

    def see_price(self, symbol: str, now_ms: int, price: dict[str, Any], book: dict[str, Any]) -> None:
        """Take a symbol's rows of ticker/price and ticker/bookTicker. Raises what nonsense raises."""
        last, bid, ask = units(price["price"]), units(book["bidPrice"]), units(book["askPrice"])
        mark = index = last
        if self.market == "futures":
            seen_ms, mark, index = self._marks[symbol]
            if now_ms - seen_ms > self._stale_ms:
                raise ValueError(f"{symbol}: the mark price is too old")
        average = self.candles[symbol].average(now_ms) or last
        self._quotes[symbol].see(now_ms, last=last, bid=bid, ask=ask, average=average, mark=mark, index=index)
        self.candles[symbol].move(now_ms, last)

    def step(self, now_ms: int) -> int:
        """The number of the step of the market at a moment: it changes when prices may."""
        return now_ms // STEP_MS

    def price(self, symbol: str, now_ms: int) -> int:
        """The last price. Raises NoPrice."""
        return self._quotes[symbol].at(now_ms).last

    def quote(self, symbol: str, now_ms: int) -> Quote:
        """The market as it was last seen; its step is that in which it was seen. Raises NoPrice when it is too old."""
        return self._quotes[symbol].at(now_ms)

    def quotes_between(self, symbol: str, after_ms: int, until_ms: int) -> list[tuple[int, Quote]]:
        """Moment and quote of every quote seen in ``(after_ms, until_ms]``, oldest first."""
        return self._quotes[symbol].between(after_ms // STEP_MS + 1, until_ms // STEP_MS)

    def average_price(self, symbol: str, now_ms: int) -> int:
        """The volume-weighted price of the last five closed minutes; the last price if none. Raises NoPrice."""
        return self._quotes[symbol].at(now_ms).average

    def klines(
        self,
        symbol: str,
        interval: str,
        now_ms: int,
        *,
        limit: int,
        start_ms: int | None,
        end_ms: int | None,
        kind: Kind = "last",
        zone_ms: int = 0,
    ) -> bytes:
        """Binance's kline answer (JSON), of the newest 1500 candles. Mark and index price show the last price's.

        Candles are as the followed exchange made them, by UTC: raises NoZone where those of the zone differ.
        """
        if INTERVALS[interval].shift(zone_ms):
            raise NoZone
        candles = self.candles[symbol]
        return candles.rows(interval, now_ms, limit=limit, start_ms=start_ms, end_ms=end_ms, kind=kind)

    def candle_now(self, symbol: str, interval: str, now_ms: int) -> Candle | None:
        """The candle that is open at a moment; its volumes are up to a minute old."""
        return self.candles[symbol].now(interval, now_ms)

    def is_final(self, symbol: str, interval: str, open_ms: int) -> bool:
        """True when a candle that is over will not change any more: once a later one was fetched."""
        return open_ms < self.candles[symbol].fetched_ms[interval]

    def day(self, symbol: str, now_ms: int) -> Bar:
        """The last 24 hours as one candle, to five minutes. Raises NoPrice when nothing at all is known."""
        bar = self.candles[symbol].day(now_ms)
        if bar is None:
            price = self.price(symbol, now_ms)
            bar = Bar(price, price, price, price, 0, 0, 0)
        return bar

    def trades(
        self,
        symbol: str,
        now_ms: int,
        *,
        limit: int,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> list[Trade]:
        """The followed exchange's aggregated trades, of the newest thousand; up to a quarter of a minute late."""
        return self.public_trades[symbol].found(now_ms, limit, from_id, start_ms, end_ms)

    def funding_rate(self, symbol: str, at_ms: int) -> int:
        """The rate of the first funding at a moment or after it, as far as it was seen."""
        return self.fundings[symbol].rate(at_ms)

    def next_funding_ms(self, now_ms: int) -> int:
        """The first funding after a moment: 00:00, 08:00 or 16:00 UTC, whatever the symbol."""
        return next_funding_ms(now_ms)

    def funding_history(
        self, symbol: str, now_ms: int, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Funding]:
        """Fundings up to a moment, oldest first: the first ones from ``start_ms`` on, else the newest."""
        return self.fundings[symbol].found(now_ms, limit, start_ms, end_ms)

    def bnb_price(self, now_ms: int) -> int | None:
        """What a BNB is worth in USDT; None unless BNBUSDT is followed and has a price."""
        try:
            return self.price(BNB, now_ms) if BNB in self._quotes else None
        except NoPrice:
            return None

    def override(self, symbol: str, price: int | None, *, mark: int | None = None) -> None:
        """Let the price stand still (the mark price apart from it, if given) until None is given."""
        self._quotes[symbol].hold(price, mark if self.market == "futures" else None)

    def set_book(
        self,
        symbol: str,
        *,
        spread_bps: Decimal | None = None,
        level_quote: int | None = None,
        levels: int | None = None,
    ) -> None:
        """Give one symbol a depth of its own, and a spread in place of the followed one."""
        self._quotes[symbol].reshape(spread_bps, level_quote, levels)
