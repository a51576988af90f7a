"""Candles summed up from the minutes: of every interval that divides a day, and of calendar intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from market.paper.prices.intervals import MS_PER_DAY, Interval
from market.paper.prices.path import STEPS
from market.paper.prices.recording import MINUTES_PER_DAY, Candles, Ints
from market.paper.prices.tape import Tape
from market.paper.prices.types import Bar

BIG = np.iinfo(np.int64).max
SECONDS = 60
STEPS_PER_SECOND = STEPS // SECONDS


class Table(Protocol):
    """The closed candles of one series, numbered by their bucket."""

    def rows(self, first: int, last: int, limit: int, *, newest: bool) -> tuple[Ints, Candles]:
        """The present buckets in ``first..last``, oldest first: at most ``limit``, the newest ones or the oldest."""


class LoopTable:
    """Candles of an interval that divides a day: in the loop, bucket ``k`` is row ``k`` modulo the loop's length."""

    def __init__(self, minutes: Candles, size: int) -> None:
        self.candles = aggregate(minutes, size)
        self._missing = int((~self.candles.present).sum())

    def rows(self, first: int, last: int, limit: int, *, newest: bool) -> tuple[Ints, Candles]:
        """The present buckets. Every loop misses the same rows, so ``reach`` is enough to make up for them."""
        length = len(self.candles)
        reach = limit + self._missing * (limit // (length - self._missing or 1) + 2)
        if newest:
            first = max(first, last - reach + 1)
        else:
            last = min(last, first + reach - 1)
        buckets = np.arange(first, last + 1)
        buckets = buckets[self.candles.present[buckets % length]]
        buckets = buckets[-limit:] if newest else buckets[:limit]
        return buckets, self.candles.picked(buckets % length)


class CalendarTable:
    """Candles of three days, of weeks and of months, summed up from days."""

    def __init__(self, days: LoopTable, interval: Interval) -> None:
        self._days = days.candles
        self._interval = interval

    def rows(self, first: int, last: int, limit: int, *, newest: bool) -> tuple[Ints, Candles]:
        """The present buckets. The first of all may be short: history begins on some day within it."""
        if newest:
            first = max(first, last - limit + 1)
        else:
            last = min(last, first + limit - 1)
        days = np.arange(self._interval.open_ms(first) // MS_PER_DAY, self._interval.open_ms(last + 1) // MS_PER_DAY)
        days = days[self._days.present[days % len(self._days)]]
        buckets, starts = np.unique(self._interval.buckets(days * MS_PER_DAY), return_index=True)
        return buckets, summed(self._days.picked(days % len(self._days)), starts)


class SecondTable:
    """Candles of one second, cut from the way of the price. A second in which nothing traded is here all the same."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def rows(self, first: int, last: int, limit: int, *, newest: bool) -> tuple[Ints, Candles]:
        """The present buckets, gathered minute by minute from the end that is asked for."""
        minutes = range(first // SECONDS, last // SECONDS + 1)
        found: list[int] = []
        count = 0
        for minute in (minutes[::-1] if newest else minutes)[: self._tape.length]:
            if count >= limit:
                break
            if self._tape.present(minute):
                found.append(minute)
                count += min(last, minute * SECONDS + SECONDS - 1) - max(first, minute * SECONDS) + 1
        found.sort()
        buckets = np.concatenate([np.arange(SECONDS) + minute * SECONDS for minute in found] or [np.arange(0)])
        candles = joined([self._seconds(minute) for minute in found])
        inside = np.flatnonzero((buckets >= first) & (buckets <= last))
        inside = inside[-limit:] if newest else inside[:limit]
        return buckets[inside], candles.picked(inside)

    def _seconds(self, minute: int) -> Candles:
        bar = self._tape.bar(minute)
        assert bar is not None, "only present minutes are asked for"
        way = self._tape.way(minute).last.reshape(SECONDS, STEPS_PER_SECOND)
        return Candles(
            open=way[:, 0],
            high=way.max(axis=1),
            low=way.min(axis=1),
            close=way[:, -1],
            volume=spread_evenly(bar.volume),
            quote_volume=spread_evenly(bar.quote_volume),
            trades=spread_evenly(bar.trades),
            present=np.ones(SECONDS, dtype=np.bool_),
        )


def spread_evenly(amount: int) -> Ints:
    """An amount of a minute as what each of its seconds has; their sum is the amount."""
    whole, part = divmod(amount, SECONDS)
    return whole + np.diff(np.arange(SECONDS + 1) * part // SECONDS)


def tabled(bars: Sequence[Bar]) -> Candles:
    """Bars as a table. Their amounts may be of any size."""
    columns: list[Any] = list(np.array(bars, dtype=object).reshape(-1, len(Bar._fields)).T)
    columns.append(np.ones(len(bars), dtype=np.bool_))
    return Candles(*columns)


def joined(parts: list[Candles]) -> Candles:
    """Candles one after the other."""
    if not parts:
        return tabled([])
    return Candles(*(np.concatenate([getattr(part, name) for part in parts]) for name in Candles.__slots__))


def aggregate(minutes: Candles, size: int) -> Candles:
    """Sum ``size`` minutes to one candle each; a candle of nothing but missing minutes is missing itself."""
    if size == 1:
        return minutes
    assert MINUTES_PER_DAY % size == 0, f"{size} minutes do not divide a day"
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
        volume=wide(minutes.volume).reshape(-1, size).sum(axis=1),
        quote_volume=wide(minutes.quote_volume).reshape(-1, size).sum(axis=1),
        trades=minutes.trades.reshape(-1, size).sum(axis=1),
        present=any_present,
    )


def summed(candles: Candles, starts: Ints) -> Candles:
    """Sum candles, all of them present, to one for each of ``starts``: rows from there to the next start."""
    if not len(starts):
        return candles
    ends = np.append(starts[1:], len(candles)) - 1
    return Candles(
        open=candles.open[starts],
        high=np.maximum.reduceat(candles.high, starts),
        low=np.minimum.reduceat(candles.low, starts),
        close=candles.close[ends],
        volume=np.add.reduceat(wide(candles.volume), starts),
        quote_volume=np.add.reduceat(wide(candles.quote_volume), starts),
        trades=np.add.reduceat(candles.trades, starts),
        present=np.ones(len(starts), dtype=np.bool_),
    )


def wide(amounts: Ints) -> Ints:
    """The amounts in a form whose sums are exact: as Python's integers where an int64 might not hold their total."""
    return amounts if amounts.astype(np.float64).sum() < BIG / 2 else amounts.astype(object)
