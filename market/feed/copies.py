"""The closed candles of one series as all processes share them: packed with a checksum, grown, looked at for gaps."""

import struct
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from market.types import Series

Rows = NDArray[np.float64]
Line = NDArray[np.float64]

MOST = 999  # closed candles: one request of Binance brings 1,000, the open one among them
FULL = 900  # with fewer the symbol is new, or the exchange left some out
COLUMNS = 6
# A gap that so many fetches of the whole have shown is the exchange's own (as that of 2023-03-24): it stays.
GAP_TRIES = 3
MS = timedelta(milliseconds=1)

# Checksum of all that follows and of the series' name; then how many candles, the candle before the newest gap (its
# open time in ms, 0: there is none), and how many fetches of the whole have shown that gap.
HEADER = struct.Struct("<IIqI")
SUM = struct.Struct("<I")


class StaleData(Exception):
    """Candles that nothing may trade on: the newest is not there, some are missing in between, or they are nonsense."""


@dataclass(frozen=True)
class Copy:
    """Closed candles, oldest first: rows of open time in ms, open, high, low, close, volume."""

    series: Series
    rows: Rows
    gap_ms: int = 0
    gap_shown: int = 0

    @classmethod
    def of_whole(cls, series: Series, rows: Rows, *, before: "Copy | None") -> Self:
        """All that the exchange has. ``before``: the copy that this replaces, which knows what has been asked for."""
        rows = rows[-MOST:]
        gap_ms = newest_gap(rows, series)
        shown = before.gap_shown if before is not None and before.gap_ms == gap_ms else 0
        return cls(series, rows, gap_ms, min(shown + 1, GAP_TRIES) if gap_ms else 0)

    @classmethod
    def unpack(cls, packed: bytes, series: Series) -> Self:
        """Raise ValueError for what is torn, or belongs to another series."""
        if len(packed) < HEADER.size:
            raise ValueError(f"{len(packed)} bytes are no candles")
        checksum, count, gap_ms, shown = HEADER.unpack_from(packed)
        body = memoryview(packed)[HEADER.size :]
        if len(body) != count * COLUMNS * 8 or checksum != _checksum(packed, series):
            raise ValueError(f"{series}: the checksum does not fit")
        return cls(series, np.frombuffer(body, dtype=np.float64).reshape(-1, COLUMNS), gap_ms, shown)

    def pack(self) -> bytes:
        """The bytes for Redis."""
        packed = HEADER.pack(0, len(self.rows), self.gap_ms, self.gap_shown) + self.rows.tobytes()
        return SUM.pack(_checksum(packed, self.series)) + packed[SUM.size :]

    @property
    def newest_ms(self) -> int:
        """When the newest candle opened; 0 without any."""
        return int(self.rows[-1, 0]) if len(self.rows) else 0

    @property
    def is_full(self) -> bool:
        """Whether it has about as many candles as one request brings."""
        return len(self.rows) >= FULL

    @property
    def has_doubtful_gap(self) -> bool:
        """Candles are missing in between, and the exchange may still have them."""
        return bool(self.gap_ms) and self.gap_shown < GAP_TRIES

    def grown_by(self, rows: Rows) -> Self | None:
        """With newer rows, some of which we have already; None when they contradict us, or show a new gap."""
        if not len(rows) or not len(self.rows):
            return None
        first = int(np.searchsorted(self.rows[:, 0], rows[0, 0]))
        shared = len(self.rows) - first
        if shared < 1 or not np.array_equal(self.rows[first:], rows[:shared]):
            return None
        return self._followed_by(rows[shared:])

    def followed_by(self, row: Rows) -> Self | None:
        """With one more candle; None when it is not the next one."""
        return self._followed_by(row.reshape(1, COLUMNS)) if len(self.rows) else None

    def _followed_by(self, rows: Rows) -> Self | None:
        together = np.concatenate([self.rows, rows])[-MOST:]
        gap_ms = newest_gap(together, self.series)
        if gap_ms not in (0, self.gap_ms):
            return None
        return replace(self, rows=together, gap_ms=gap_ms, gap_shown=self.gap_shown if gap_ms else 0)


def newest_gap(rows: Rows, series: Series) -> int:
    """The open time, in ms, of the candle before the newest gap; 0 when each candle follows the one before."""
    gaps = np.flatnonzero(np.diff(rows[:, 0]) != series.duration // MS)
    return int(rows[gaps[-1], 0]) if gaps.size else 0


def require_sound(rows: Rows, *, closed: Rows) -> None:
    """Raise StaleData for candles out of order or twice, and for ``closed`` ones that are no positive numbers."""
    if not bool(np.all(np.isfinite(rows[:, 0]))) or not bool(np.all(np.diff(rows[:, 0]) > 0)):
        raise StaleData("the exchange's candles are out of order")
    if nonsense := newest_nonsense(*closed[:, 1:5].T):
        raise StaleData(nonsense.fault)
    volume = closed[:, 5]
    if not bool(np.all(np.isfinite(volume) & (volume >= 0))):
        raise StaleData("a candle has a volume that is no number")


@dataclass(frozen=True)
class Nonsense:
    """A candle, by its index, whose prices can't be; and why."""

    index: int
    fault: str


def newest_nonsense(opened: Line, high: Line, low: Line, close: Line) -> Nonsense | None:
    """The newest candle whose prices are no positive numbers, or lie beyond its own high and low."""
    highest, lowest = np.maximum(opened, close), np.minimum(opened, close)
    # A NaN is in no order with anything.
    sound = (low > 0) & (low <= lowest) & (highest <= high) & (high < np.inf)
    if sound.all():
        return None
    index = int(np.flatnonzero(~sound)[-1])
    prices = np.array([line[index] for line in (opened, high, low, close)])
    if bool(np.all(np.isfinite(prices) & (prices > 0))):
        return Nonsense(index, "a candle has a price above its high or below its low")
    return Nonsense(index, "a candle has a price that is no positive number")


def _checksum(packed: bytes, series: Series) -> int:
    return crc32(memoryview(packed)[SUM.size :], crc32(str(series).encode()))
