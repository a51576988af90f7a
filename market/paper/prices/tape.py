"""One symbol's recorded minutes as a loop that leads up to now, and the way of the price inside each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.paper.engine.amounts import SCALE
from market.paper.prices.path import Way, minute_path, still
from market.paper.prices.recording import MINUTES_PER_DAY, Candles, Ints, Recording
from market.paper.prices.types import Bar

AVERAGE_MINUTES = 5
CACHED_WAYS = 64


@dataclass(frozen=True, slots=True)
class Anchor:
    """The exchange's minute ``exchange`` replays the recorded minute ``recorded`` (both counted from the epoch)."""

    exchange: int
    recorded: int

    def by_whole_days(self) -> Anchor:
        """The same day, but at the exchange's time of day: what happens at 08:00 UTC was recorded at 08:00 UTC."""
        shift = (self.recorded - self.exchange) // MINUTES_PER_DAY * MINUTES_PER_DAY
        return Anchor(self.exchange, self.exchange + shift)

    def shift(self, recording: Recording) -> int:
        """Row 0 of the loop is this row of the recording."""
        return (self.recorded - recording.first_minute - self.exchange) % recording.length


class Tape:
    """What happened in which minute of the exchange's clock. Pure: the same answers whoever asks, in whatever order."""

    def __init__(self, symbol: str, recording: Recording, anchor: Anchor) -> None:
        self.symbol = symbol
        self.tick = recording.filter(symbol, "PRICE_FILTER", "tickSize")
        self.lot = recording.filter(symbol, "LOT_SIZE", "stepSize")
        self.length = recording.length
        self._shift = anchor.shift(recording)
        self._first_recorded = recording.first_minute
        self.minutes = recording.candles[symbol].rolled(self._shift)
        self._carried = carried_closes(self.minutes)
        self._volume_5m = _rolling(self.minutes.volume, AVERAGE_MINUTES)
        self._quote_5m = _rolling(self.minutes.quote_volume, AVERAGE_MINUTES)
        self._ways: dict[int, Way] = {}

    def way(self, minute: int) -> Way:
        """How the price went through one minute. It stands still where the recording has a gap."""
        way = self._ways.get(minute)
        if way is None:
            if len(self._ways) >= CACHED_WAYS:
                self._ways.clear()
            way = self._ways[minute] = self._new_way(minute % self.length)
        return way

    def bar(self, minute: int) -> Bar | None:
        """The recorded candle of one minute, or None when it is missing."""
        minutes, row = self.minutes, minute % self.length
        if not minutes.present[row]:
            return None
        return Bar(*(int(getattr(minutes, name)[row]) for name in Bar._fields))

    def present(self, minute: int) -> bool:
        """False where the recording has a gap."""
        return bool(self.minutes.present[minute % self.length])

    def volume(self, minute: int) -> int:
        """How much traded in one minute; 0 when it is missing."""
        return int(self.minutes.volume[minute % self.length])

    def opened(self, minute: int) -> int:
        """The price at the beginning of one minute."""
        row = minute % self.length
        return int(self.minutes.open[row] if self.minutes.present[row] else self._carried[row])

    def closed(self, minute: int) -> int:
        """The price at the end of one minute."""
        return int(self._carried[minute % self.length])

    def recorded_row(self, minute: int) -> int:
        """Which row of the recording one minute replays."""
        return (minute + self._shift) % self.length

    def bar_over(self, first: int, end: int) -> Bar | None:
        """The minutes in ``[first, end)`` as one candle; None when all are missing."""
        minutes = self.minutes
        rows = np.arange(first, end) % self.length
        rows = rows[minutes.present[rows]]
        if not len(rows):
            return None
        return Bar(
            int(minutes.open[rows[0]]),
            int(minutes.high[rows].max()),
            int(minutes.low[rows].min()),
            int(minutes.close[rows[-1]]),
            exact_sum(minutes.volume[rows]),
            exact_sum(minutes.quote_volume[rows]),
            int(minutes.trades[rows].sum()),
        )

    def average(self, minute: int) -> int:
        """The volume-weighted price of the five minutes before one; the price it opens at when nothing traded."""
        row = (minute - 1) % self.length
        volume = int(self._volume_5m[row])
        return int(self._quote_5m[row]) * SCALE // volume if volume else self.opened(minute)

    def _new_way(self, row: int) -> Way:
        minutes = self.minutes
        if not minutes.present[row]:
            return still(int(self._carried[row]))
        recorded = self._first_recorded + self.recorded_row(row)
        return minute_path(
            f"{self.symbol} {recorded}",
            opened=int(minutes.open[row]),
            high=int(minutes.high[row]),
            low=int(minutes.low[row]),
            close=int(minutes.close[row]),
            tick=self.tick,
        )


def carried_closes(candles: Candles) -> Ints:
    """The close of the last minute that is present, for every minute; the loop's end precedes its beginning."""
    rows = np.where(candles.present, np.arange(len(candles)), -1)
    rows = np.maximum.accumulate(rows)
    rows[rows < 0] = np.flatnonzero(candles.present)[-1]
    return candles.close[rows]


def exact_sum(amounts: Ints) -> int:
    """The sum of amounts, which may be larger than an int64: the quote volume of a busy month is."""
    whole, part = np.divmod(amounts, SCALE)
    return int(whole.sum()) * SCALE + int(part.sum())


def _rolling(amounts: Ints, minutes: int) -> Ints:
    """The sum of each minute and those before it; the loop's end precedes its beginning."""
    total = amounts.copy()
    for back in range(1, minutes):
        total += np.roll(amounts, back)
    return total
