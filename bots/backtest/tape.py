"""The candles of a trial as its walk reads them: what the strategy said at each, and what comes next. Plain Python."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bots.backtest.types import BadCandles, NotTestable, Trial
from bots.situation import MarketView
from bots.strategies import Signal
from bots.strategies.base import LEAVING
from bots.strategies.guard import guarded_reading
from bots.types import Reason
from market.feed.copies import newest_nonsense
from market.types import EPOCH, Candles, Side

MS = timedelta(milliseconds=1)
MINUTE_MS = 60_000
FUNDING_MS = 8 * 60 * MINUTE_MS
# For one reading of all candles, while its worker tells nothing; ours take less than a second for a year of minutes.
MOST_SECONDS = 30.0
ENTERING = {Side.BUY: Signal.ENTER_LONG, Side.SELL: Signal.ENTER_SHORT}
WORDS = {signal: f"the strategy says {signal.name.replace('_', ' ').lower()}" for signal in Signal}

Flags = NDArray[np.bool_]
Indices = NDArray[np.int32]


class Tape:
    """Candles with the strategy's reading of them, which is made once. Candles are named by their index."""

    def __init__(self, trial: Trial, candles: Candles, begin_ms: int) -> None:
        self.candles = candles
        self.end = len(candles)
        self.first = int(np.searchsorted(candles.open_time_ms, begin_ms))
        self.interval_ms = trial.series.duration // MS
        # Ticks come each minute: longer candles are looked into.
        self.is_long = self.interval_ms > MINUTE_MS
        self._rules = trial.rules
        self._sides = (Side.BUY, Side.SELL) if trial.setup.futures else (Side.BUY,)
        self._adds = trial.setup.adds
        _require_candles(candles)
        self.signals, needed = _read(trial, candles)
        self.is_sound = _run_lengths(candles.open_time_ms, self.interval_ms) >= needed
        self.last_leaving = {side: _last_of(self._leaves(side)) for side in self._sides}
        self.next_news = {side: _next_of(self._news_for(side)) for side in self._sides}

    @cached_property
    def enters(self) -> Flags:
        """Where a bot that holds nothing would enter."""
        return np.isin(self.signals, [ENTERING[side] for side in self._sides])

    @cached_property
    def next_entry(self) -> Indices:
        return _next_of(self.enters)

    @cached_property
    def entries_before(self) -> Indices:
        """How many candles before each one have an entry; one more figure than there are candles."""
        return np.concatenate(([0], np.cumsum(self.enters, dtype=np.int32)))

    @cached_property
    def next_funding(self) -> Indices:
        """The next candle at whose end, or before the next one opens, funding is paid."""
        return _next_of(self.payments > 0)

    @cached_property
    def payments(self) -> NDArray[np.int64]:
        """How often funding is paid after each candle's open until the next one's."""
        return np.diff(np.append(self.candles.open_time_ms, self.close_ms(self.end - 1)) // FUNDING_MS)

    def open_ms(self, index: int) -> int:
        return int(self.candles.open_time_ms[index])

    def close_ms(self, index: int) -> int:
        return self.open_ms(index) + self.interval_ms

    def index_from(self, ms: int) -> int:
        """The first candle after whose close, when its order could be filled, it is this moment or later."""
        return int(np.searchsorted(self.candles.open_time_ms, ms)) - 1

    def view(self, index: int, *, price: Decimal, inside: bool = False) -> MarketView:
        """The market at the close of a candle; ``inside``: before it, when the bot only watches the price."""
        closed = index - inside
        signal = Signal.NOTHING if inside else Signal(int(self.signals[index]))
        close_at = EPOCH + self.close_ms(closed) * MS
        if not inside and not self.is_sound[index]:
            text = "candles are missing, or there are too few of them"
            return MarketView(Signal.NOTHING, close_at, text, price, self._rules, trouble=Reason.STALE_DATA)
        left = {side: self._left_at(side, closed) for side in self._sides}
        return MarketView(
            signal,
            close_at,
            WORDS[signal],
            price,
            self._rules,
            left_long_at=left[Side.BUY],
            left_short_at=left.get(Side.SELL),
        )

    def _left_at(self, side: Side, closed: int) -> datetime | None:
        left = int(self.last_leaving[side][closed]) if closed >= 0 else -1
        return None if left < 0 else EPOCH + self.close_ms(left) * MS

    def _leaves(self, side: Side) -> Flags:
        return np.isin(self.signals, LEAVING[side])

    def _news_for(self, side: Side) -> Flags:
        """Where the strategy says something to a position of this side."""
        leaves = self._leaves(side)
        news = leaves.copy()
        # What was said while candles were missing is heard when they are whole again.
        whole_again = self.is_sound & ~np.concatenate(([True], self.is_sound[:-1]))
        news |= whole_again
        if self._adds:
            news |= self.signals == ENTERING[side]
        if side is Side.BUY:
            news |= self.signals == Signal.REDUCE_LONG
        return news


def _read(trial: Trial, candles: Candles) -> tuple[NDArray[np.int8], int]:
    """The signals, and how many candles of history they take. Raises NotTestable."""
    recipe = trial.recipe
    try:
        faults = recipe.faults
    except (TypeError, ValueError) as error:
        faults = f"{recipe.strategy}: its parameters can't be read: {error}"
    if recipe.known is None or faults:
        raise NotTestable(faults)
    if recipe.known.listens:
        raise NotTestable(f"{recipe.strategy}: its signals come from outside, candles of the past have none of them")
    reading = guarded_reading(recipe.known, candles, recipe.parameters, seconds=MOST_SECONDS)
    return reading.signals.astype(np.int8, copy=False), recipe.candles_needed


def _require_candles(candles: Candles) -> None:
    """Raise BadCandles unless they follow each other and have prices."""
    if not len(candles):
        raise BadCandles("there are no candles")
    steps = np.diff(candles.open_time_ms)
    if steps.size and steps.min() <= 0:
        raise BadCandles(f"candle {int(np.argmax(steps <= 0)) + 1} is not after the one before it")
    nonsense = newest_nonsense(candles.open, candles.high, candles.low, candles.close)
    if nonsense:
        raise BadCandles(f"candle {nonsense.index}: {nonsense.fault}")


def _run_lengths(open_ms: NDArray[np.int64], interval_ms: int) -> NDArray[np.int64]:
    """How many candles up to each one follow each other without a gap."""
    index = np.arange(len(open_ms))
    begins = np.concatenate(([True], np.diff(open_ms) != interval_ms))
    return index - np.maximum.accumulate(np.where(begins, index, 0)) + 1


def _next_of(flags: Flags) -> Indices:
    """For each candle the first from it on that is flagged; their number where there is none."""
    count = len(flags)
    found = np.where(flags, np.arange(count, dtype=np.int32), np.int32(count))
    return np.minimum.accumulate(found[::-1])[::-1]


def _last_of(flags: Flags) -> Indices:
    """For each candle the last up to it that is flagged; -1 where there is none."""
    return np.maximum.accumulate(np.where(flags, np.arange(len(flags), dtype=np.int32), np.int32(-1)))
