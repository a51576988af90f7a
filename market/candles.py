"""Closed candles of a series, shared by the whole fleet: backfilled once, then only what is new is asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic, sleep

import numpy as np
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from market.exchange import public_gateway
from market.feed.copies import Copy, Rows, StaleData, newest_nonsense, require_sound
from market.feed.heartbeat import is_streamed
from market.patience import OutOfPatience
from market.store import known, known_many, shared
from market.types import Candles, Series, milliseconds

__all__ = [
    "StaleData",
    "Unbroken",
    "backfill",
    "candles_key",
    "closed_candles",
    "keep_for",
    "kept_candles",
    "known_candles",
    "refresh",
    "unbroken",
]

LIMIT = 1000  # the most that one request of Binance returns
# On futures a request for so few weighs 1, one for LIMIT weighs 5.
LIGHT_LIMIT = 99
OVERLAP = 2  # candles that are asked for again: what the exchange has corrected shows there
# So soon after a close its candle may be missing.
JUST_CLOSED = timedelta(seconds=5)
# The clocks agree better than this (orders are denied from 500 ms). Sooner after a close, only a younger candle proves
# that the newest closed one is closed by the exchange's clock too.
CLOCKS_APART = timedelta(seconds=1)
# A feed brings a candle so soon after its close: on spot the exchange speaks every two seconds.
FEED_PATIENCE = timedelta(seconds=3)
LOOK_AGAIN_SECONDS = 0.03


class _NotClosedYet(StaleData):
    """The newest candle is missing just after its close: the exchange's clock may be a moment behind ours."""


def closed_candles(series: Series, *, now: datetime) -> Candles:
    """Up to 999 closed candles, the last of them the newest closed one.

    Raises StaleData when that one is not there, or what is there is nonsense; ExchangeError when the exchange can't be
    read.
    """
    rows = _brought_by_feed(series, now)
    return refresh(series, now=now) if rows is None else Candles.from_rows(rows)


def known_candles(wanted: Iterable[Series], *, now: datetime) -> dict[Series, Candles]:
    """The same of many series in one round trip, of those whose shared copies are current; nobody is asked."""
    keys = {series: candles_key(series) for series in wanted}
    rows = known_many({key: partial(_current_rows, series=series, now=now) for series, key in keys.items()})
    return {series: Candles.from_rows(rows[key]) for series, key in keys.items() if key in rows}


def kept_candles(series: Series) -> Candles | None:
    """What is kept of a series, however old: to look at, not to trade on. None without a copy, or without Redis."""
    copy = _kept(series)
    return None if copy is None else Candles.from_rows(copy.rows)


def refresh(series: Series, *, now: datetime, keep: timedelta | None = None) -> Candles:
    """The same without waiting for a feed: the shared copy if it is current, else what it lacks is asked for.

    ``keep``: how long, if not as long as is of use to bots.
    """
    rows = shared(
        candles_key(series),
        read=partial(_current_rows, series=series, now=now),
        fetch=lambda: _fetch_current(series, now, _kept(series)),
        keep=keep or keep_for(series),
    )
    return Candles.from_rows(rows)


def backfill(series: Series, *, now: datetime) -> Candles:
    """The same from the exchange alone: the copy that is there is not to be trusted. Raises as closed_candles."""
    fetched = partial(_fetch_current, series, now, None)
    return Candles.from_rows(shared(candles_key(series), read=lambda _: None, fetch=fetched, keep=keep_for(series)))


def candles_key(series: Series) -> str:
    """Where the copy is in Redis."""
    return f"candles:{series}"


def keep_for(series: Series) -> timedelta:
    """How long a copy is of use: as long as one light request brings what it lacks."""
    return LIGHT_LIMIT * series.duration


@dataclass(frozen=True)
class Unbroken:
    """How many of the newest candles are sound and follow each other; ``fault``: what is wrong before those."""

    count: int
    fault: str

    def require(self, needed: int) -> None:
        """Raise StaleData unless at least so many are."""
        if needed > self.count:
            raise StaleData(self.fault or f"{self.count} candles of history, {needed} are needed")


def unbroken(candles: Candles, *, interval: timedelta) -> Unbroken:
    """Look through all candles once, so that each of many readings need only say how many it takes."""
    count, opens, interval_ms = len(candles), candles.open_time_ms, interval // timedelta(milliseconds=1)
    if count and opens[-1] % interval_ms:
        return Unbroken(0, "the candles do not begin when their interval does")
    found = [Unbroken(count, "")]
    gaps = np.flatnonzero(np.diff(opens) != interval_ms)
    if gaps.size:
        after = count - 1 - int(gaps[-1])
        found.append(Unbroken(after, f"candles are missing {after} intervals before the last one"))
    nonsense = newest_nonsense(candles.open, candles.high, candles.low, candles.close)
    if nonsense:
        found.append(Unbroken(count - 1 - nonsense.index, nonsense.fault))
    return min(found, key=lambda one: one.count)


def _brought_by_feed(series: Series, now: datetime) -> Rows | None:
    """The rows of a current copy; one that a feed is about to bring is waited for."""
    read = partial(_current_rows, series=series, now=now)
    rows = known(candles_key(series), read=read)
    patience = FEED_PATIENCE - (now - series.last_close_at(now))
    if rows is not None or patience <= timedelta() or not is_streamed(series):
        return rows
    deadline = monotonic() + patience.total_seconds()
    while rows is None and monotonic() < deadline:
        sleep(LOOK_AGAIN_SECONDS)
        rows = known(candles_key(series), read=read)
    return rows


def _kept(series: Series) -> Copy | None:
    return known(candles_key(series), read=lambda packed: Copy.unpack(packed, series))


def _current_rows(packed: bytes, *, series: Series, now: datetime) -> Rows | None:
    copy = Copy.unpack(packed, series)
    return _if_current(_closed(copy.rows, series, now), series, now)


def _fetch_current(series: Series, now: datetime, kept: Copy | None) -> tuple[bytes, Rows]:
    for attempt in Retrying(
        retry=retry_if_exception_type(_NotClosedYet),
        stop=stop_after_attempt(4) | OutOfPatience(),
        wait=wait_fixed(0.5),
        reraise=True,
    ):
        with attempt:
            copy = _fetch(series, now, kept, waited=timedelta(seconds=attempt.retry_state.idle_for))
    return copy.pack(), copy.rows


def _fetch(series: Series, now: datetime, kept: Copy | None, *, waited: timedelta) -> Copy:
    """What the copy lacks; the whole when there is none, when it is too old, or contradicts what the exchange says."""
    limit = _limit_for(kept, series, now)
    if kept is not None and limit <= LIGHT_LIMIT:
        grown = kept.grown_by(_ask(series, now, limit, waited=waited))
        if grown is not None:
            return grown
    return Copy.of_whole(series, _ask(series, now, LIMIT, waited=waited), before=kept)


def _limit_for(kept: Copy | None, series: Series, now: datetime) -> int:
    """How many candles to ask for: what is missing, the open one, and a few that are there already.

    All of a short copy: the symbol may be new, or the exchange have left some out.
    """
    if kept is None or kept.has_doubtful_gap or not kept.is_full:
        return LIMIT
    missing_ms = milliseconds(series.last_close_at(now) - series.duration) - kept.newest_ms
    return max(missing_ms // (series.duration // timedelta(milliseconds=1)), 0) + 1 + OVERLAP


def _ask(series: Series, now: datetime, limit: int, *, waited: timedelta) -> Rows:
    """The newest closed candles that the exchange has. Raises StaleData unless they are current and sound."""
    gateway = public_gateway(*series.exchange)
    rows = gateway.candles(series.symbol, series.interval, limit=limit)
    closed = _closed(rows, series, now)
    require_sound(rows, closed=closed)
    since_close = now - series.last_close_at(now)
    if _if_current(closed, series, now) is None:
        age = _age(closed, series, now)
        kind = _NotClosedYet if age < 2 * series.duration and since_close < JUST_CLOSED else StaleData
        raise kind(f"the newest candle closed {age.total_seconds():.0f} s ago")
    if len(closed) == len(rows) and since_close + waited < CLOCKS_APART:
        raise _NotClosedYet("the newest candle may still be open by the exchange's clock")
    return closed


def _closed(rows: Rows, series: Series, now: datetime) -> Rows:
    """The rows whose candles are closed at ``now``: a copy may be of a later moment."""
    return rows[rows[:, 0] < milliseconds(series.last_close_at(now))]


def _if_current(rows: Rows, series: Series, now: datetime) -> Rows | None:
    """The rows, if the last of them is the newest candle that can be closed at ``now``."""
    return rows if len(rows) and _age(rows, series, now) < series.duration else None


def _age(rows: Rows, series: Series, now: datetime) -> timedelta:
    """How long ago the last candle closed; a year for no candle at all."""
    if not len(rows):
        return timedelta(days=365)
    return now - Candles.from_rows(rows).close_at(series.duration)
