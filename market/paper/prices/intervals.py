"""Kline intervals: which bucket a moment is in, and when a bucket opens. Buckets are numbered from the epoch.

In another time zone a bucket has the same number, and opens when the clocks there show what UTC's show otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

MS_PER_MINUTE = 60_000
MS_PER_DAY = 1440 * MS_PER_MINUTE

Buckets = TypeVar("Buckets", int, NDArray[np.int64])


@dataclass(frozen=True, slots=True)
class Interval:
    """Buckets of equal width; the one numbered 0 opens ``offset_ms`` after the epoch."""

    width_ms: int
    offset_ms: int = 0

    def bucket(self, moment_ms: int) -> int:
        """The bucket a moment is in."""
        return (moment_ms - self.offset_ms) // self.width_ms

    def bucket_from(self, moment_ms: int) -> int:
        """The first bucket that opens at a moment or later."""
        return self.bucket(moment_ms - 1) + 1

    def open_ms(self, bucket: Buckets) -> Buckets:
        """When a bucket opens."""
        return bucket * self.width_ms + self.offset_ms

    def buckets(self, moments_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The bucket of every moment."""
        return (moments_ms - self.offset_ms) // self.width_ms

    def shift(self, zone_ms: int) -> int:
        """How much earlier buckets open where clocks are so much ahead of UTC; 0 where they open as in UTC."""
        return zone_ms % self.width_ms

    def shifted(self, shift_ms: int) -> Self:
        """The same interval, opening so much earlier."""
        return replace(self, offset_ms=self.offset_ms - shift_ms)


class Months(Interval):
    """Calendar months."""

    def shift(self, zone_ms: int) -> int:
        """The zone itself: months have no width."""
        return zone_ms

    def bucket(self, moment_ms: int) -> int:
        """The month a moment is in."""
        return int(self.buckets(np.array([moment_ms]))[0])

    def open_ms(self, bucket: Buckets) -> Buckets:
        """When a month begins."""
        moments = np.asarray(bucket).astype("M8[M]").astype("M8[ms]").astype(np.int64)
        return int(moments) + self.offset_ms if isinstance(bucket, int) else moments + self.offset_ms

    def buckets(self, moments_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The month of every moment."""
        return (moments_ms - self.offset_ms).astype("M8[ms]").astype("M8[M]").astype(np.int64)


# Minutes of the intervals that divide a day, and so the recorded window.
MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60,
    "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720, "1d": 1440,
}  # fmt: skip

# A week begins on Monday; the epoch was a Thursday.
CALENDAR = {
    "3d": Interval(3 * MS_PER_DAY),
    "1w": Interval(7 * MS_PER_DAY, 4 * MS_PER_DAY),
    "1M": Months(31 * MS_PER_DAY),
}

INTERVALS = {"1s": Interval(1000)} | {name: Interval(size * MS_PER_MINUTE) for name, size in MINUTES.items()} | CALENDAR
