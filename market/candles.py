"""Closed candles of a series, shared by the whole fleet: backfilled once, then only what is new is asked for."""

from datetime import datetime, timedelta
from functools import partial
from time import monotonic, sleep

import numpy as np
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from market.exchange import public_gateway
from market.feed.copies import Copy, Rows, StaleData, require_prices, require_sound
from market.feed.heartbeat import is_streamed
from market.store import known, shared
from market.types import Candles, Series, milliseconds

__all__ = ["StaleData", "backfill", "candles_key", "closed_candles", "keep_for", "refresh", "require_unbroken"]

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


def refresh(series: Series, *, now: datetime) -> Candles:
    """The same without waiting for a feed: the shared copy if it is current, else what it lacks is asked for."""
    rows = shared(
        candles_key(series),
        read=partial(_current_rows, series=series, now=now),
        fetch=lambda: _fetch_current(series, now, _kept(series)),
        keep=keep_for(series),
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


def require_unbroken(candles: Candles, *, needed: int, interval: timedelta) -> None:
    """Raise StaleData unless the newest ``needed`` candles are there, sound, and follow each other without a gap."""
    if len(candles) < needed:
        raise StaleData(f"{len(candles)} candles of history, {needed} are needed")
    opens, interval_ms = candles.open_time_ms[-needed:], interval // timedelta(milliseconds=1)
    gaps = np.flatnonzero(np.diff(opens) != interval_ms)
    if gaps.size:
        raise StaleData(f"candles are missing {needed - 1 - int(gaps[-1])} intervals before the last one")
    if opens[-1] % interval_ms:
        raise StaleData("the candles do not begin when their interval does")
    require_prices(*(column[-needed:] for column in (candles.open, candles.high, candles.low, candles.close)))


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
        retry=retry_if_exception_type(_NotClosedYet), stop=stop_after_attempt(4), wait=wait_fixed(0.5), reraise=True
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
    gateway = public_gateway(series.environment, series.market)
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
