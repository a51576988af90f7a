"""Prices: the recording replayed as a loop that leads up to now. Every answer is a pure function of the moment asked.

The anchor says which recorded minute was which real minute at the first start; it is kept in the ledger, so a restart
goes on where the replay is. Before the anchor the loop runs backwards: there is history at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from market.paper.prices.candles import INTERVALS, Bar, KlineTable, kline_text
from market.paper.engine.types import Quote
from market.paper.prices.path import STEP_MS, STEPS, minute_path
from market.paper.prices.recording import MINUTES_PER_DAY, MS_PER_MINUTE, SCALE, Candles, Ints, Recording

# Older than this the exchange did not exist: a client that pages back to the beginning must arrive there.
HISTORY_MINUTES = 1000 * MINUTES_PER_DAY
AVERAGE_MINUTES = 5
CACHED_PATHS = 1024


@dataclass(frozen=True, slots=True)
class Anchor:
    """Recorded minute ``recorded`` is real minute ``real`` (both in minutes since the epoch)."""

    real: int
    recorded: int


class Feed:
    """Candles and prices of all symbols. Prices inside are scaled integers; what leaves for the engine is a Quote."""

    def __init__(
        self, recording: Recording, anchor: Anchor, ticks: Mapping[str, Decimal], *, spread_bps: Decimal = Decimal(1)
    ) -> None:
        shift = anchor.recorded - recording.first_minute - anchor.real
        self._length = recording.length
        self._minutes = {symbol: candles.rolled(shift) for symbol, candles in recording.candles.items()}
        self._carried = {symbol: carried_closes(candles) for symbol, candles in self._minutes.items()}
        self._tables: dict[tuple[str, str], KlineTable] = {}
        self._ticks = {symbol: int(ticks[symbol] * SCALE) or 1 for symbol in self._minutes}
        self._spread_millionths = int(spread_bps * 100)
        self._first_minute = anchor.real - HISTORY_MINUTES
        self._paths: dict[tuple[str, int], Ints] = {}
        self._quotes: dict[str, tuple[int, Quote]] = {}
        self._averages: dict[str, tuple[int, Decimal]] = {}
        self._overrides: dict[str, int] = {}

    @property
    def symbols(self) -> list[str]:
        """The symbols that have a price."""
        return list(self._minutes)

    def override(self, symbol: str, price: Decimal | None) -> None:
        """Let a price stand still at ``price`` until None is given. Candles go on as recorded."""
        self._quotes.pop(symbol, None)
        if price is None:
            self._overrides.pop(symbol, None)
        else:
            self._overrides[symbol] = int(price * SCALE)

    def price(self, symbol: str, now_ms: int) -> int:
        """The last price, scaled."""
        if symbol in self._overrides:
            return self._overrides[symbol]
        return self._recorded_price(symbol, now_ms)

    def prices_between(self, symbol: str, after_ms: int, until_ms: int) -> list[tuple[int, Decimal]]:
        """Moment and price of every step in ``(after_ms, until_ms]``, oldest first."""
        if symbol in self._overrides:
            return [(until_ms, to_decimal(self._overrides[symbol]))]
        steps = range(after_ms // STEP_MS + 1, until_ms // STEP_MS + 1)
        return [(step * STEP_MS, to_decimal(self._recorded_price(symbol, step * STEP_MS))) for step in steps]

    def quote(self, symbol: str, now_ms: int) -> Quote:
        """Last price, best bid and ask (half a spread away, rounded outwards to the tick), average price."""
        step = now_ms // STEP_MS
        cached = self._quotes.get(symbol)
        if cached is None or cached[0] != step:
            cached = self._quotes[symbol] = step, self._quote(symbol, now_ms)
        return cached[1]

    def average_price(self, symbol: str, now_ms: int) -> Decimal:
        """Volume-weighted price of the last five closed minutes; the last price when nothing traded."""
        if symbol in self._overrides:
            return to_decimal(self._overrides[symbol])
        minute = now_ms // MS_PER_MINUTE
        cached = self._averages.get(symbol)
        if cached is None or cached[0] != minute:
            bar = self._bar_over(symbol, minute - AVERAGE_MINUTES, minute)
            traded = bar is not None and bar.volume > 0
            price = bar.quote_volume * SCALE // bar.volume if bar and traded else self.price(symbol, now_ms)
            cached = self._averages[symbol] = minute, to_decimal(price)
        return cached[1]

    def klines(
        self, symbol: str, interval: str, now_ms: int, *, limit: int, start_ms: int | None, end_ms: int | None
    ) -> bytes:
        """Binance's kline answer (JSON). The candle that is still open is the last row, as it stands now."""
        size = INTERVALS[interval]
        width, now_bucket = size * MS_PER_MINUTE, now_ms // (size * MS_PER_MINUTE)
        first = max(-(-self._first_minute // size), -(-(start_ms or 0) // width))
        last = now_bucket if end_ms is None else min(now_bucket, end_ms // width)
        open_bar = self._open_bar(symbol, size, now_ms) if first <= last == now_bucket else None
        newest = start_ms is None
        closed_limit = limit - 1 if newest and open_bar else limit
        table = self._table(symbol, interval)
        rows, count = (b"", 0)
        if closed_limit and first <= min(last, now_bucket - 1):
            rows, count = table.rows(first, min(last, now_bucket - 1), closed_limit, newest=newest)
        if open_bar and count < limit:
            amounts = (np.array([getattr(open_bar, name)]) for name in Bar.__slots__)
            rows += (b"," if rows else b"") + kline_text(np.array([now_bucket]), size, *amounts)
        return b"[" + rows + b"]"

    def day(self, symbol: str, now_ms: int) -> Bar:
        """The last 24 hours as one candle."""
        minute = now_ms // MS_PER_MINUTE
        bar = self._bar_over(symbol, minute - MINUTES_PER_DAY + 1, minute)
        partial = self._minute_so_far(symbol, now_ms)
        if bar and partial:
            return bar.then(partial)
        price = self._recorded_price(symbol, now_ms)
        return bar or partial or Bar(price, price, price, price, 0, 0, 0)

    def _recorded_price(self, symbol: str, now_ms: int) -> int:
        minute, inside = divmod(now_ms, MS_PER_MINUTE)
        return int(self._path(symbol, minute)[inside // STEP_MS])

    def _quote(self, symbol: str, now_ms: int) -> Quote:
        price, tick = self.price(symbol, now_ms), self._ticks[symbol]
        spread = max(tick, price * self._spread_millionths // 1_000_000)
        bid = max(tick, (2 * price - spread) // (2 * tick) * tick)
        ask = -(-(2 * price + spread) // (2 * tick)) * tick
        return Quote(to_decimal(price), to_decimal(bid), to_decimal(ask), self.average_price(symbol, now_ms))

    def _path(self, symbol: str, minute: int) -> Ints:
        path = self._paths.get((symbol, minute))
        if path is None:
            if len(self._paths) >= CACHED_PATHS:
                self._paths.clear()
            path = self._paths[symbol, minute] = self._new_path(symbol, minute)
        return path

    def _new_path(self, symbol: str, minute: int) -> Ints:
        candles, row = self._minutes[symbol], minute % self._length
        if not candles.present[row]:
            return np.full(STEPS, self._carried[symbol][row], dtype=np.int64)
        return minute_path(
            f"{symbol} {minute}",
            opened=int(candles.open[row]),
            high=int(candles.high[row]),
            low=int(candles.low[row]),
            close=int(candles.close[row]),
            tick=self._ticks[symbol],
        )

    def _table(self, symbol: str, interval: str) -> KlineTable:
        table = self._tables.get((symbol, interval))
        if table is None:
            table = self._tables[symbol, interval] = KlineTable(self._minutes[symbol], INTERVALS[interval])
        return table

    def _open_bar(self, symbol: str, size: int, now_ms: int) -> Bar | None:
        minute = now_ms // MS_PER_MINUTE
        closed, partial = self._bar_over(symbol, minute - minute % size, minute), self._minute_so_far(symbol, now_ms)
        return closed.then(partial) if closed and partial else closed or partial

    def _minute_so_far(self, symbol: str, now_ms: int) -> Bar | None:
        minute, inside = divmod(now_ms, MS_PER_MINUTE)
        whole = self._table(symbol, "1m").bar(minute)
        if whole is None:
            return None
        done = inside // STEP_MS + 1
        path = self._path(symbol, minute)[:done]
        return Bar(
            whole.open,
            int(path.max()),
            int(path.min()),
            int(path[-1]),
            whole.volume * done // STEPS,
            whole.quote_volume * done // STEPS,
            whole.trades * done // STEPS,
        )

    def _bar_over(self, symbol: str, first: int, end: int) -> Bar | None:
        """The recorded minutes in ``[first, end)`` as one candle; None when there is none."""
        candles = self._minutes[symbol]
        rows = np.arange(first, end) % self._length
        rows = rows[candles.present[rows]]
        if not len(rows):
            return None
        return Bar(
            int(candles.open[rows[0]]),
            int(candles.high[rows].max()),
            int(candles.low[rows].min()),
            int(candles.close[rows[-1]]),
            int(candles.volume[rows].sum()),
            int(candles.quote_volume[rows].sum()),
            int(candles.trades[rows].sum()),
        )


def carried_closes(candles: Candles) -> Ints:
    """The close of the last minute that is present, for every minute; the loop's end precedes its beginning."""
    rows = np.where(candles.present, np.arange(len(candles)), -1)
    rows = np.maximum.accumulate(rows)
    rows[rows < 0] = np.flatnonzero(candles.present)[-1]
    return candles.close[rows]


def to_decimal(value: int) -> Decimal:
    """A scaled integer as a Decimal with eight decimals."""
    return Decimal(value).scaleb(-8)
