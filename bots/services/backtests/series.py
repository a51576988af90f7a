"""The equity of a trial: what can be drawn of it, and what each day ended with. Plain Python."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bots.limits import day_start
from market.types import milliseconds

MOST_POINTS = 2_000
LONGEST_DAY = timedelta(hours=25)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Equity at the close of each candle, in quote asset; ``capital`` is what it began with."""

    ms: NDArray[np.int64]
    equity: Floats
    capital: float
    begin: datetime
    end: datetime
    time_zone: str

    @property
    def final(self) -> float:
        return float(self.equity[-1]) if len(self.equity) else self.capital

    @property
    def deepest_fall_percent(self) -> float:
        """From the highest equity so far, in percent of that."""
        equity = np.concatenate(([self.capital], self.equity))
        return 100 * float(np.max(1 - equity / np.maximum.accumulate(equity)))

    def date_of(self, moment: datetime) -> date:
        """The day of the bot's time zone."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()

    def by_day(self) -> tuple[list[date], Floats]:
        """Each day of the period, and the equity at its end; what closes at midnight belongs to the day before."""
        dates, ends, midnight = list[date](), list[int](), day_start(self.begin, self.time_zone)
        while midnight < self.end:
            following = day_start(midnight + LONGEST_DAY, self.time_zone)
            dates.append(self.date_of(midnight))
            ends.append(milliseconds(min(following, self.end)))
            midnight = following
        places = np.searchsorted(self.ms, np.array(ends), side="right")
        return dates, np.concatenate(([self.capital], self.equity))[places]

    def drawn(self) -> list[list[float]]:
        """Moments in ms and equity, few enough to be drawn: of each stretch its lowest point and its highest one."""
        kept = np.arange(len(self.equity)) if len(self.equity) <= MOST_POINTS else self._turning_points()
        return [[int(at), float(value)] for at, value in zip(self.ms[kept], self.equity[kept], strict=True)]

    def _turning_points(self) -> NDArray[np.int64]:
        edges = np.linspace(0, len(self.equity), MOST_POINTS // 2, dtype=np.int64)
        stretches = zip(edges[:-1], np.split(self.equity, edges[1:-1]), strict=True)
        found = {int(first + at) for first, part in stretches for at in (part.argmin(), part.argmax())}
        return np.array(sorted(found | {len(self.equity) - 1}), np.int64)
