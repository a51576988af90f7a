"""All candles of one symbol: closed ones from tables, the open one as it stands now."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from market.paper.prices.candles import STEPS_PER_SECOND, CalendarTable, LoopTable, SecondTable, Table, tabled
from market.paper.prices.intervals import CALENDAR, INTERVALS, MINUTES, Interval
from market.paper.prices.klines import Decimals, kline_text, price_kline_text
from market.paper.prices.path import STEP_MS, STEPS
from market.paper.prices.recording import MINUTES_PER_DAY, MS_PER_MINUTE, Candles, Ints
from market.paper.prices.tape import Tape
from market.paper.prices.types import Bar, Candle, Kind

# An answer of 1000 rows has 130 kB, and the next minute brings another.
CACHED_ANSWERS = 8
# All intervals of UTC and some of other time zones.
CACHED_TABLES = 40


class Series:
    """One symbol's candles of all intervals. History begins at ``first_ms``."""

    def __init__(self, tape: Tape, first_ms: int, decimals: Decimals) -> None:
        self._tape = tape
        self._first_ms = first_ms
        self._decimals = decimals
        self._tables: OrderedDict[tuple[str, int], Table] = OrderedDict()
        self._answers: OrderedDict[tuple[str, int, int, int, int, bool, bool], tuple[bytes, int]] = OrderedDict()
        self._closed: dict[tuple[str, int], tuple[int, Bar | None]] = {}

    def klines(
        self,
        interval: str,
        now_ms: int,
        *,
        limit: int,
        start_ms: int | None,
        end_ms: int | None,
        kind: Kind,
        zone_ms: int = 0,
    ) -> bytes:
        """Binance's kline answer; the open candle is the last row. Mark and index prices have the same candles."""
        shift_ms = INTERVALS[interval].shift(zone_ms)
        scale = INTERVALS[interval].shifted(shift_ms)
        now_bucket = scale.bucket(now_ms)
        first = scale.bucket_from(max(self._first_ms, start_ms or 0))
        last = now_bucket if end_ms is None else min(now_bucket, scale.bucket(end_ms))
        candle = self.now(interval, now_ms, kind, shift_ms) if first <= last == now_bucket else None
        newest, prices_only = start_ms is None, kind != "last"
        closed_limit = limit - 1 if newest and candle else limit
        rows, count = b"", 0
        if closed_limit and first <= min(last, now_bucket - 1):
            closed = min(last, now_bucket - 1)
            rows, count = self._rows(
                interval, shift_ms, first, closed, closed_limit, newest=newest, prices_only=prices_only
            )
        if candle and count < limit:
            text = self._text(scale, np.array([now_bucket]), tabled([candle.bar]), prices_only=prices_only)
            rows = rows + b"," + text if rows else text
        return b"[" + rows + b"]"

    def now(self, interval: str, now_ms: int, kind: Kind = "last", shift_ms: int = 0) -> Candle | None:
        """The candle that is open at a moment, as it stands then; None while nothing is recorded in it."""
        scale = INTERVALS[interval].shifted(shift_ms)
        bucket = scale.bucket(now_ms)
        open_ms = scale.open_ms(bucket)
        if interval == "1s":
            bar = self._second_so_far(now_ms)
        else:
            first = max(open_ms, self._first_ms) // MS_PER_MINUTE
            closed = self._closed_bar((interval, shift_ms), first, now_ms // MS_PER_MINUTE)
            bar = _both(closed, self._minute_so_far(now_ms, kind))
        if bar is None:
            return None
        return Candle(open_ms, scale.open_ms(bucket + 1) - 1, bar, bar.volume // 2, bar.quote_volume // 2)

    def day(self, now_ms: int) -> Bar | None:
        """The last 24 hours as one candle."""
        minute = now_ms // MS_PER_MINUTE
        return _both(self._closed_bar(("24h", 0), minute - MINUTES_PER_DAY + 1, minute), self._minute_so_far(now_ms))

    def _closed_bar(self, name: tuple[str, int], first: int, minute: int) -> Bar | None:
        """What the open candle of one interval has without the open minute: the same for the whole minute."""
        known = self._closed.get(name)
        if known is None or known[0] != minute:
            known = self._closed[name] = minute, self._tape.bar_over(first, minute)
        return known[1]

    def _minute_so_far(self, now_ms: int, kind: Kind = "last") -> Bar | None:
        minute, inside = divmod(now_ms, MS_PER_MINUTE)
        return self._part(minute, 0, inside // STEP_MS + 1, kind)

    def _second_so_far(self, now_ms: int) -> Bar | None:
        minute, inside = divmod(now_ms, MS_PER_MINUTE)
        step = inside // STEP_MS
        return self._part(minute, step - step % STEPS_PER_SECOND, step + 1)

    def _part(self, minute: int, start: int, end: int, kind: Kind = "last") -> Bar | None:
        """The steps ``[start, end)`` of a minute as one candle."""
        whole = self._tape.bar(minute)
        if whole is None:
            return None
        whole_way = self._tape.way(minute)
        way = (whole_way.mark if kind == "mark" else whole_way.last)[start:end]
        volume, quote, trades = (
            amount * end // STEPS - amount * start // STEPS
            for amount in (whole.volume, whole.quote_volume, whole.trades)
        )
        return Bar(int(way[0]), int(way.max()), int(way.min()), int(way[-1]), volume, quote, trades)

    def _rows(
        self, interval: str, shift_ms: int, first: int, last: int, limit: int, *, newest: bool, prices_only: bool
    ) -> tuple[bytes, int]:
        key = (interval, shift_ms, first, last, limit, newest, prices_only)
        answer = self._answers.get(key)
        if answer is None:
            buckets, candles = self._table(interval, shift_ms).rows(first, last, limit, newest=newest)
            text = self._text(INTERVALS[interval].shifted(shift_ms), buckets, candles, prices_only=prices_only)
            answer = self._answers[key] = text, len(buckets)
            if len(self._answers) > CACHED_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    def _text(self, scale: Interval, buckets: Ints, candles: Candles, *, prices_only: bool) -> bytes:
        open_ms, close_ms = scale.open_ms(buckets), scale.open_ms(buckets + 1) - 1
        if prices_only:
            return price_kline_text(open_ms, close_ms, candles)
        taken = (candles.volume // 2, candles.quote_volume // 2)  # the recording does not say
        return kline_text(open_ms, close_ms, candles, taken, self._decimals)

    def _table(self, interval: str, shift_ms: int) -> Table:
        key = (interval, shift_ms)
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = self._new_table(interval, shift_ms)
            if len(self._tables) > CACHED_TABLES:
                self._tables.popitem(last=False)
        return table

    def _new_table(self, interval: str, shift_ms: int) -> Table:
        if interval == "1s":
            return SecondTable(self._tape)
        minutes = self._tape.minutes
        if shift_ms:
            minutes = minutes.rolled(-shift_ms // MS_PER_MINUTE)
        if interval in CALENDAR:
            return CalendarTable(LoopTable(minutes, MINUTES["1d"]), CALENDAR[interval])
        return LoopTable(minutes, MINUTES[interval])


def _both(earlier: Bar | None, later: Bar | None) -> Bar | None:
    return earlier.then(later) if earlier and later else earlier or later
