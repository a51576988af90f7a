"""The candles of a backtest, from the exchange's public side: all of them, or what is missing is said (features M4)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from market.exchange import public_gateway
from market.exchange.errors import RateLimited
from market.feed.copies import Rows, StaleData, require_sound
from market.types import Candles, Series, milliseconds, moment_of

LIMIT = 1000  # the most that one request of Binance returns
MS = timedelta(milliseconds=1)
Told = Callable[[float], None]  # is told which share of the way is done; raises when nobody wants the rest


class HistoryMissing(Exception):
    """The exchange does not have all the candles that are needed; nothing is made up in their place."""


@dataclass(frozen=True)
class Span:
    """Which candles of a series are wanted, by open time in ms: from ``first_ms`` to before ``end_ms``."""

    series: Series
    first_ms: int
    begin_ms: int  # what is before warms the strategy up
    end_ms: int

    @classmethod
    def of(cls, series: Series, begin: datetime, end: datetime, *, warm_up: int) -> "Span":
        """Whole candles within the period, and so many before."""
        step = series.duration // MS
        begin_ms = -(-milliseconds(begin) // step) * step
        return cls(series, begin_ms - warm_up * step, begin_ms, milliseconds(end) // step * step)

    @property
    def step_ms(self) -> int:
        return self.series.duration // MS

    def __len__(self) -> int:
        return (self.end_ms - self.first_ms) // self.step_ms


def candles_of(span: Span, *, beat: Told, sleep: Callable[[float], None] = time.sleep) -> Candles:
    """All of them, page by page from the newest back. Raises HistoryMissing, ExchangeError, and what ``beat`` raises.

    When the rest of the minute's request weight is for others it waits for the next minute.
    """
    pages: list[Rows] = []
    until, found = span.end_ms, 0
    while until > span.first_ms:
        rows = _page(span.series, until, beat=partial(beat, found / len(span)), sleep=sleep)
        rows = rows[rows[:, 0] < until]
        if not len(rows):
            break
        pages.append(rows)
        until, found = int(rows[0, 0]), found + len(rows)
        beat(min(found / len(span), 1.0))
    rows = np.concatenate(pages[::-1]) if pages else np.empty((0, 6))
    pages.clear()
    rows = rows[rows[:, 0] >= span.first_ms]
    _require_whole(rows, span)
    return Candles.from_rows(rows)


def _page(series: Series, until_ms: int, *, beat: Callable[[], None], sleep: Callable[[float], None]) -> Rows:
    """The newest candles that had opened before."""
    gateway = public_gateway(*series.exchange)
    while True:
        try:
            return gateway.candles(series.symbol, series.interval, limit=LIMIT, until=moment_of(until_ms))
        except RateLimited as error:
            _wait(error.retry_after, beat=beat, sleep=sleep)


def _wait(duration: timedelta, *, beat: Callable[[], None], sleep: Callable[[float], None]) -> None:
    """In steps, so that who cancels does not wait, and nobody takes us for dead."""
    for _ in range(max(round(duration.total_seconds()), 1)):
        beat()
        sleep(1)


def _require_whole(rows: Rows, span: Span) -> None:
    if not len(rows):
        raise HistoryMissing(f"{span.series}: the exchange has no candles before {_told(span.end_ms)}")
    try:
        require_sound(rows, closed=rows)
    except StaleData as error:
        raise HistoryMissing(f"{span.series}: {error}") from error
    first_ms = int(rows[0, 0])
    if first_ms != span.first_ms:
        raise HistoryMissing(_begins_late(first_ms, span))
    ends = np.append(rows[1:, 0], span.end_ms)
    gaps = np.flatnonzero(ends - rows[:, 0] != span.step_ms)
    if gaps.size:
        raise HistoryMissing(_gaps_told(rows[gaps, 0] + span.step_ms, ends[gaps], span))


def _begins_late(first_ms: int, span: Span) -> str:
    warm_up = (span.begin_ms - span.first_ms) // span.step_ms
    text = f"{span.series}: the exchange's candles begin at {_told(first_ms)}"
    return f"{text}; with {warm_up} candles of warm-up they are needed from {_told(span.first_ms)} on"


def _gaps_told(begins: Rows, ends: Rows, span: Span) -> str:
    count = int(np.sum(ends - begins)) // span.step_ms
    first = f"from {_told(int(begins[0]))} to before {_told(int(ends[0]))}"
    more = f" and at {len(begins) - 1} more places" if len(begins) > 1 else ""
    return f"{span.series}: the exchange lacks {count} candles: {first}{more}"


def _told(ms: int) -> str:
    return f"{moment_of(ms):%Y-%m-%d %H:%M} UTC"
