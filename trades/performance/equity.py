"""Equity, day by day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EquitySeries:
    """Equity day by day, without a gap. ``start``: the capital before the first of them, in quote asset."""

    start: float
    dates: Sequence[date]
    equity: Floats  # at the end of each day
    put_in: Floats | None = None  # at the beginning of each day; negative was taken out

    def __post_init__(self) -> None:
        assert len(self.dates) == len(self.equity), f"{len(self.dates)} dates, {len(self.equity)} days of equity"
        assert not self.dates or (self.dates[-1] - self.dates[0]).days == len(self.dates) - 1, "a day is missing"

    @classmethod
    def adding_up(
        cls, start: Decimal, dates: Sequence[date], *, earned: Sequence[Decimal], put_in: Sequence[Decimal]
    ) -> "EquitySeries":
        """From what was earned and put in on each day. Days before and after there was any capital are left out."""
        moved = [gain + flow for gain, flow in zip(earned, put_in, strict=True)]
        values = list(accumulate(moved, initial=start))
        at_work = [number for number, flow in enumerate(put_in) if values[number] + flow or values[number + 1]]
        if not at_work:
            return cls(0.0, [], np.zeros(0))
        days = slice(at_work[0], at_work[-1] + 1)
        return cls(
            float(values[days.start]),
            dates[days],
            np.array(values[1:][days], np.float64),
            np.array(put_in[days], np.float64),
        )

    @property
    def returns(self) -> Floats | None:
        """Of each day, as a share; None where equity was not above zero."""
        before = np.concatenate(([self.start], self.equity[:-1]))[: len(self.equity)]
        bases = before if self.put_in is None else before + self.put_in
        if not len(bases) or not ((bases > 0) & (self.equity > 0)).all():
            return None
        return np.asarray(self.equity / bases - 1, np.float64)


def held_percent(spans: Iterable[tuple[float, float]], *, begin: float, end: float, positions: int = 1) -> float | None:
    """The share of the time in which something was held, on the average of the positions: exposure.

    ``spans``: from when until when each was, in seconds. None without time or positions.
    """
    if end <= begin or not positions:
        return None
    held = sum(max(min(until, end) - max(since, begin), 0) for since, until in spans)
    return 100 * held / (end - begin) / positions
