"""What is known of one symbol of a followed exchange: the quotes seen, its candles and trades. Nothing is made up."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from market.paper.engine.amounts import SCALE, times, units
from market.paper.engine.types import Quote
from market.paper.prices.candles import tabled
from market.paper.prices.funding import MS_PER_FUNDING
from market.paper.prices.intervals import INTERVALS, MS_PER_DAY
from market.paper.prices.klines import Decimals, kline_text, price_kline_text
from market.paper.prices.path import STEP_MS
from market.paper.prices.quotes import Book, sides, still_quote
from market.paper.prices.recording import amount_of_filter
from market.paper.prices.tape import AVERAGE_MINUTES
from market.paper.prices.types import Bar, Candle, Funding, Kind, NoPrice, Trade

KEPT_QUOTES = 600
KEPT_TRADES = 1000
KEPT_CANDLES = 1500
DAY_INTERVAL = "5m"


class LiveQuotes:
    """The quotes of one symbol as they were seen, each good from a step on until it is too old."""

    def __init__(self, entry: dict[str, Any], book: Book, stale_ms: int) -> None:
        self.symbol = entry["symbol"]
        self._default = self._book = book
        self._tick = amount_of_filter(entry, "PRICE_FILTER", "tickSize")
        self._lot = amount_of_filter(entry, "LOT_SIZE", "stepSize")
        self._stale_ms = stale_ms
        self._seen: deque[Quote] = deque(maxlen=KEPT_QUOTES)
        self._spread_bps: Decimal | None = None
        self._held: Quote | None = None

    def see(self, now_ms: int, *, last: int, bid: int, ask: int, average: int, mark: int, index: int) -> None:
        """Note a quote that has just arrived, as of the next step. Raises ValueError when it makes no sense."""
        if not 0 < bid <= ask or min(last, mark, index) <= 0:
            raise ValueError(f"{self.symbol}: bid {bid}, ask {ask}, last {last}, mark {mark}, index {index}")
        shape = self._book.shape(last, tick=self._tick, lot=self._lot)
        if self._spread_bps is not None:
            bid, ask = sides(last, shape.spread, self._tick)
        step = now_ms // STEP_MS + 1
        if self._seen and self._seen[-1].step >= step:
            self._seen.pop()
        depth = (shape.gap, shape.level_qty, shape.levels)
        self._seen.append(Quote(step, last, max(bid, self._tick), ask, average, *depth, mark, index))

    def at(self, now_ms: int) -> Quote:
        """The newest quote. Raises NoPrice when it is too old, or there is none."""
        step = now_ms // STEP_MS
        if self._held:
            if self._held.step != step:
                self._held = replace(self._held, step=step)
            return self._held
        if not self._seen or (step - self._seen[-1].step) * STEP_MS > self._stale_ms:
            raise NoPrice(self.symbol)
        return self._seen[-1]

    def between(self, first: int, last: int) -> list[tuple[int, Quote]]:
        """Moment and quote of the steps ``first..last`` at which one was seen; of all while it is held."""
        if self._held:
            return [(step * STEP_MS, replace(self._held, step=step)) for step in range(first, last + 1)]
        return [(quote.step * STEP_MS, quote) for quote in self._seen if first <= quote.step <= last]

    def hold(self, price: int | None, mark: int | None) -> None:
        """Let the quote stand still at a price, or follow again."""
        self._held = still_quote(self._book, price, mark, tick=self._tick, lot=self._lot) if price else None

    def reshape(self, spread_bps: Decimal | None, level_quote: int | None, levels: int | None) -> None:
        """Change the book from the next quote on; without a spread, it is the followed exchange's."""
        self._book, self._spread_bps = self._default.changed(spread_bps, level_quote, levels), spread_bps
        if self._held:
            self.hold(self._held.last, self._held.mark)


class LiveCandles:
    """The candles of one symbol by interval: as fetched, the open ones moved along by the prices seen since."""

    def __init__(self, decimals: Decimals, intervals: list[str]) -> None:
        self._decimals = decimals
        self._candles: dict[str, dict[int, Candle]] = {interval: {} for interval in intervals}
        # By interval, when the newest candle opens that was fetched: all before it are final.
        self.fetched_ms = dict.fromkeys(intervals, 0)

    def put(self, interval: str, rows: list[list[Any]]) -> None:
        """Take kline rows. Raises ValueError, IndexError, TypeError when they make no sense."""
        known = self._candles[interval]
        for row in rows:
            opened, high, low, close, volume = (units(row[column]) for column in range(1, 6))
            bar = Bar(opened, high, low, close, volume, units(row[7]), int(row[8]))
            known[int(row[0])] = Candle(int(row[0]), int(row[6]), bar, units(row[9]), units(row[10]))
            self.fetched_ms[interval] = int(row[0])
        for open_ms in sorted(known)[:-KEPT_CANDLES]:
            del known[open_ms]

    def move(self, now_ms: int, price: int) -> None:
        """Let the open candles follow a price; their volumes wait for the next rows."""
        for interval, known in self._candles.items():
            scale = INTERVALS[interval]
            bucket = scale.bucket(now_ms)
            open_ms = scale.open_ms(bucket)
            moved = Bar(price, price, price, price, 0, 0, 0)
            candle = known.get(open_ms) or Candle(open_ms, scale.open_ms(bucket + 1) - 1, moved, 0, 0)
            known[open_ms] = candle._replace(bar=candle.bar.then(moved))

    def now(self, interval: str, now_ms: int) -> Candle | None:
        """The candle that is open at a moment, if anything is known of it."""
        scale = INTERVALS[interval]
        return self._candles[interval].get(scale.open_ms(scale.bucket(now_ms)))

    def rows(
        self, interval: str, now_ms: int, *, limit: int, start_ms: int | None, end_ms: int | None, kind: Kind
    ) -> bytes:
        """Binance's kline answer from what is kept."""
        last = now_ms if end_ms is None else min(now_ms, end_ms)
        moments = [moment for moment in sorted(self._candles[interval]) if (start_ms or 0) <= moment <= last]
        moments = moments[-limit:] if start_ms is None else moments[:limit]
        if not moments:
            return b"[]"
        found = [self._candles[interval][moment] for moment in moments]
        table = tabled([candle.bar for candle in found])
        opens, closes, *taken = (np.array([candle[field] for candle in found], dtype=object) for field in (0, 1, 3, 4))
        if kind != "last":
            return b"[" + price_kline_text(opens, closes, table) + b"]"
        return b"[" + kline_text(opens, closes, table, (taken[0], taken[1]), self._decimals) + b"]"

    def day(self, now_ms: int) -> Bar | None:
        """The candles of the last 24 hours as one, to five minutes."""
        known = self._candles[DAY_INTERVAL]
        total: Bar | None = None
        for moment in sorted(known):
            if now_ms - MS_PER_DAY < moment <= now_ms:
                total = total.then(known[moment].bar) if total else known[moment].bar
        return total

    def average(self, now_ms: int) -> int | None:
        """The volume-weighted price of the last five closed minutes; None when nothing traded."""
        minute = INTERVALS["1m"].bucket(now_ms)
        opens = (INTERVALS["1m"].open_ms(minute - back) for back in range(1, AVERAGE_MINUTES + 1))
        bars = [candle.bar for candle in map(self._candles["1m"].get, opens) if candle]
        volume = sum(bar.volume for bar in bars)
        return sum(bar.quote_volume for bar in bars) * SCALE // volume if volume else None


class LiveFundings:
    """The funding rates of one symbol by moment, the one to come among them."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._known: dict[int, Funding] = {}

    def put(self, at_ms: int, rate: int, mark: int) -> None:
        """Note a funding; it really happens some milliseconds late."""
        at_ms -= at_ms % MS_PER_FUNDING
        self._known[at_ms] = Funding(self._symbol, rate, at_ms, mark)

    def rate(self, at_ms: int) -> int:
        """The rate of the first funding at a moment or after it; the last one known when that is not seen yet."""
        later = [moment for moment in self._known if moment >= at_ms]
        moment = min(later) if later else max(self._known, default=None)
        return 0 if moment is None else self._known[moment].rate

    def found(self, now_ms: int, limit: int, start_ms: int | None, end_ms: int | None) -> list[Funding]:
        """Fundings up to a moment, oldest first: the first ones from ``start_ms`` on, else the newest."""
        last = now_ms if end_ms is None else min(now_ms, end_ms)
        moments = [moment for moment in sorted(self._known) if (start_ms or 0) <= moment <= last]
        moments = moments[-limit:] if start_ms is None else moments[:limit]
        return [self._known[moment] for moment in moments]


class LiveTrades:
    """The newest public trades of one symbol."""

    def __init__(self) -> None:
        self._trades: deque[Trade] = deque(maxlen=KEPT_TRADES)

    @property
    def next_id(self) -> int | None:
        """The id after the newest trade."""
        return self._trades[-1].trade_id + 1 if self._trades else None

    def put(self, rows: list[dict[str, Any]]) -> None:
        """Take aggregated trades. Raises KeyError, ValueError, TypeError when they make no sense."""
        for row in rows:
            price, quantity = units(row["p"]), units(row["q"])
            trade = Trade(int(row["a"]), price, quantity, times(price, quantity), int(row["T"]), bool(row["m"]))
            if trade.trade_id >= (self.next_id or 0):
                self._trades.append(trade)

    def found(
        self, now_ms: int, limit: int, from_id: int | None, start_ms: int | None, end_ms: int | None
    ) -> list[Trade]:
        """Trades up to a moment, oldest first: from ``from_id`` or ``start_ms`` on, else the newest."""
        last = now_ms if end_ms is None else min(now_ms, end_ms)
        inside = [
            trade
            for trade in self._trades
            if trade.time_ms <= last and trade.trade_id >= (from_id or 0) and trade.time_ms >= (start_ms or 0)
        ]
        return inside[-limit:] if from_id is None and start_ms is None else inside[:limit]
