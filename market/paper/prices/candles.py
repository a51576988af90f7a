"""Candles of every interval, aggregated once from the minutes, and written as Binance's kline rows."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from market.paper.prices.recording import MS_PER_MINUTE, SCALE, Candles, Ints

# Minutes per interval: all divide a day, and so the recorded window.
INTERVALS = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60,
    "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720, "1d": 1440,
}  # fmt: skip

BIG = np.iinfo(np.int64).max
# Per series. An answer of 1000 rows has 130 kB, and the next minute brings another.
CACHED_ANSWERS = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle as of now: scaled amounts."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int

    def then(self, later: Bar) -> Bar:
        """This candle and the one after it as one."""
        return Bar(
            self.open,
            max(self.high, later.high),
            min(self.low, later.low),
            later.close,
            self.volume + later.volume,
            self.quote_volume + later.quote_volume,
            self.trades + later.trades,
        )


def aggregate(minutes: Candles, size: int) -> Candles:
    """Sum ``size`` minutes to one candle each; a candle of nothing but missing minutes is missing itself."""
    if size == 1:
        return minutes
    present = minutes.present.reshape(-1, size)
    any_present = np.asarray(present.any(axis=1))
    rows = np.arange(len(any_present))
    first, last = present.argmax(axis=1), size - 1 - present[:, ::-1].argmax(axis=1)
    low = np.where(present, minutes.low.reshape(-1, size), BIG).min(axis=1)
    return Candles(
        open=minutes.open.reshape(-1, size)[rows, first],
        high=minutes.high.reshape(-1, size).max(axis=1),
        low=np.where(any_present, low, 0),
        close=minutes.close.reshape(-1, size)[rows, last],
        volume=minutes.volume.reshape(-1, size).sum(axis=1),
        quote_volume=minutes.quote_volume.reshape(-1, size).sum(axis=1),
        trades=minutes.trades.reshape(-1, size).sum(axis=1),
        present=any_present,
    )


class KlineTable:
    """The closed candles of one series. The recording is a loop: bucket ``k`` is row ``k`` modulo its length."""

    def __init__(self, minutes: Candles, size: int) -> None:
        self.size = size
        self._candles = aggregate(minutes, size)
        self._missing = int((~self._candles.present).sum())
        self._answers: OrderedDict[tuple[int, int, int, bool], tuple[bytes, int]] = OrderedDict()

    def rows(self, first: int, last: int, limit: int, *, newest: bool) -> tuple[bytes, int]:
        """Kline rows of the present buckets in ``first..last``, comma separated and oldest first, and their number.

        At most ``limit``: the newest ones, or the oldest.
        """
        key = (first, last, limit, newest)
        answer = self._answers.get(key)
        if answer is None:
            buckets = self._present(first, last, limit, newest=newest)
            answer = self._answers[key] = (self._written(buckets), len(buckets))
            if len(self._answers) > CACHED_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    def bar(self, bucket: int) -> Bar | None:
        """One candle, or None when it is missing."""
        candles, row = self._candles, bucket % len(self._candles)
        if not candles.present[row]:
            return None
        return Bar(*(int(getattr(candles, name)[row]) for name in Bar.__slots__))

    def _present(self, first: int, last: int, limit: int, *, newest: bool) -> Ints:
        """The buckets to show. Every loop misses the same rows, so this many extra are enough to make up for them."""
        reach = limit + self._missing * (limit // (len(self._candles) - self._missing or 1) + 2)
        if newest:
            first = max(first, last - reach + 1)
        else:
            last = min(last, first + reach - 1)
        buckets = np.arange(first, last + 1)
        buckets = buckets[self._candles.present[buckets % len(self._candles)]]
        return buckets[-limit:] if newest else buckets[:limit]

    def _written(self, buckets: Ints) -> bytes:
        rows = buckets % len(self._candles)
        return kline_text(buckets, self.size, *(getattr(self._candles, name)[rows] for name in Bar.__slots__))


# One row in Binance's shape; an amount is written as its whole part and its eight decimals.
ROW = '[%d,"A","A","A","A","A",%d,"A",%d,"A","A","0"]'.replace("A", "%d.%08d")


def kline_text(
    buckets: Ints, size: int, opened: Ints, high: Ints, low: Ints, close: Ints, volume: Ints, quote: Ints, trades: Ints
) -> bytes:
    """Kline rows as JSON, comma separated. Half of the volume counts as bought by takers: the recording does not say.

    All rows are formatted at once: a thousand of them take two milliseconds, one by one they take six.
    """
    open_ms = buckets * (size * MS_PER_MINUTE)
    columns = [open_ms]
    for amounts in (opened, high, low, close, volume):
        columns += divmod(amounts, SCALE)
    columns += [open_ms + (size * MS_PER_MINUTE - 1), *divmod(quote, SCALE), trades]
    columns += [*divmod(volume // 2, SCALE), *divmod(quote // 2, SCALE)]
    return (",".join([ROW] * len(buckets)) % tuple(np.stack(columns, axis=1).ravel().tolist())).encode()


def text8(value: int) -> str:
    """A scaled integer as Binance writes it: eight decimals."""
    return f"{value // SCALE}.{value % SCALE:08d}"
