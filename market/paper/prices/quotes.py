"""Quotes of one symbol: bid and ask around the price, and the ladder behind them. Made a minute at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import repeat
from typing import TypeVar

import numpy as np

from market.paper.engine.amounts import SCALE
from market.paper.engine.types import Quote
from market.paper.prices.path import STEP_MS, STEPS
from market.paper.prices.recording import Ints
from market.paper.prices.tape import Tape

CACHED_MINUTES = 16

Amounts = TypeVar("Amounts", int, Ints)


@dataclass(frozen=True, slots=True)
class Book:
    """The liquidity around a price: full spread, quote asset per level, levels a side."""

    spread_bps: Decimal = Decimal(1)
    level_quote: int = 50_000 * SCALE
    levels: int = 100

    def shape(self, price: int, *, tick: int, lot: int) -> Shape:
        """The book around a price: at least a tick wide, at least a lot deep."""
        spread = max(tick, int(price * self.spread_bps) // 10_000)
        quantity = self.level_quote * SCALE // price // lot * lot
        return Shape(spread, gap=spread // tick * tick, level_qty=max(lot, quantity), levels=self.levels)

    def changed(self, spread_bps: Decimal | None, level_quote: int | None, levels: int | None) -> Book:
        """This book with what is given instead."""
        return Book(
            self.spread_bps if spread_bps is None else spread_bps,
            self.level_quote if level_quote is None else level_quote,
            self.levels if levels is None else levels,
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """A Book in the amounts of one minute."""

    spread: int
    gap: int
    level_qty: int
    levels: int


def sides(price: Amounts, spread: int, tick: int) -> tuple[Amounts, Amounts]:
    """Bid and ask, half a spread away from a price and rounded outwards to the tick."""
    return (2 * price - spread) // (2 * tick) * tick, -(-(2 * price + spread) // (2 * tick)) * tick


def still_quote(book: Book, price: int, mark: int | None, *, tick: int, lot: int) -> Quote:
    """The quote of a price that stands still, at step 0."""
    shape = book.shape(price, tick=tick, lot=lot)
    bid, ask = sides(price, shape.spread, tick)
    return Quote(
        step=0,
        last=price,
        bid=max(bid, tick),
        ask=ask,
        average=price,
        gap=shape.gap,
        level_qty=shape.level_qty,
        levels=shape.levels,
        mark=mark or price,
        index=price,
    )


@dataclass(frozen=True, slots=True)
class Minute:
    """The quotes of one minute as columns; they become Quotes when asked for."""

    last: list[int]
    bid: list[int]
    ask: list[int]
    mark: list[int]
    average: int
    shape: Shape
    first_step: int

    def at(self, inside: int) -> Quote:
        """The quote of one step of the minute."""
        return self.between(inside, inside + 1)[0][1]

    def between(self, start: int, end: int) -> list[tuple[int, Quote]]:
        """Moment and quote of the steps in ``[start, end)`` of the minute."""
        shape, last = self.shape, self.last[start:end]
        steps = range(self.first_step + start, self.first_step + end)
        quotes = map(
            Quote, steps, last, self.bid[start:end], self.ask[start:end], repeat(self.average),
            repeat(shape.gap), repeat(shape.level_qty), repeat(shape.levels), self.mark[start:end], last,
        )  # fmt: skip
        return list(zip(range(steps.start * STEP_MS, steps.stop * STEP_MS, STEP_MS), quotes, strict=True))


class Quotes:
    """The quotes of one symbol at any moment."""

    def __init__(self, tape: Tape, book: Book, *, has_mark: bool) -> None:
        self._tape = tape
        self._default = self._book = book
        self._has_mark = has_mark
        self._minutes: dict[int, Minute] = {}
        self._held: Quote | None = None  # its step means nothing
        self._now: Quote | None = None

    @property
    def held(self) -> Quote | None:
        """The quote that stands still, if one does."""
        return self._held

    def at(self, step: int) -> Quote:
        """The quote at one step; the last one asked for is remembered."""
        now = self._now
        if now is None or now.step != step:
            if self._held:
                now = replace(self._held, step=step)
            else:
                minute, inside = divmod(step, STEPS)
                now = self._minute(minute).at(inside)
            self._now = now
        return now

    def between(self, first: int, last: int) -> list[tuple[int, Quote]]:
        """Moment and quote of the steps ``first..last``."""
        if self._held:
            return [(step * STEP_MS, replace(self._held, step=step)) for step in range(first, last + 1)]
        found: list[tuple[int, Quote]] = []
        while first <= last:
            minute, inside = divmod(first, STEPS)
            end = min(STEPS, inside + last + 1 - first)
            found += self._minute(minute).between(inside, end)
            first += end - inside
        return found

    def hold(self, price: int | None, mark: int | None = None) -> None:
        """Let the quote stand still at a price, or move again."""
        self._now = None
        if price is None:
            self._held = None
            return
        tape = self._tape
        self._held = still_quote(self._book, price, mark if self._has_mark else None, tick=tape.tick, lot=tape.lot)

    def reshape(self, spread_bps: Decimal | None, level_quote: int | None, levels: int | None) -> None:
        """Change the book; None: as it was at first."""
        self._book = self._default.changed(spread_bps, level_quote, levels)
        self._now = None
        self._minutes.clear()
        if self._held:
            self.hold(self._held.last, self._held.mark)

    def _minute(self, minute: int) -> Minute:
        known = self._minutes.get(minute)
        if known is None:
            if len(self._minutes) >= CACHED_MINUTES:
                self._minutes.clear()
            known = self._minutes[minute] = self._new_minute(minute)
        return known

    def _new_minute(self, minute: int) -> Minute:
        tape = self._tape
        way = tape.way(minute)
        shape = self._book.shape(int(way.last[0]), tick=tape.tick, lot=tape.lot)
        bid, ask = sides(way.last, shape.spread, tape.tick)
        last = way.last.tolist()
        return Minute(
            first_step=minute * STEPS,
            last=last,
            bid=np.maximum(bid, tape.tick).tolist(),
            ask=ask.tolist(),
            mark=way.mark.tolist() if self._has_mark else last,
            average=tape.average(minute),
            shape=shape,
        )
