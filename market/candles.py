"""Closed candles of a series, fetched once per candle for the whole fleet."""

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from market.exchange import public_gateway
from market.store import shared
from market.types import Candles, Series, milliseconds

LIMIT = 1000  # the most that one request of Binance returns
HISTORY = LIMIT - 1  # closed candles: the last of a request is still open
# So soon after a close its candle may be missing.
JUST_CLOSED = timedelta(seconds=5)
# The clocks agree better than this (orders are denied from 500 ms). Sooner after a close, only a younger candle proves
# that the newest closed one is closed by the exchange's clock too.
CLOCKS_APART = timedelta(seconds=1)
Rows = NDArray[np.float64]


class StaleData(Exception):
    """The exchange has no candle that just closed, or some in between are missing: nothing may trade on this."""


class _NotClosedYet(StaleData):
    """The newest candle is missing just after its close: the exchange's clock may be a moment behind ours."""


def closed_candles(series: Series, *, now: datetime) -> Candles:
    """Up to 999 closed candles, the last of them the newest closed one.

    Raises StaleData when that one is not there, ExchangeError when the exchange can't be read.
    """
    rows = shared(
        f"candles:{series}",
        read=lambda packed: _if_current(_closed(_unpack(packed), series, now), series, now),
        fetch=lambda: _fetch_current(series, now),
        keep=2 * series.duration + timedelta(minutes=1),
    )
    return Candles.from_rows(rows)


def require_unbroken(candles: Candles, *, needed: int, interval: timedelta) -> None:
    """Raise StaleData unless the newest ``needed`` candles are there, positive, and follow each other without a gap."""
    if len(candles) < needed:
        raise StaleData(f"{len(candles)} candles of history, {needed} are needed")
    steps = np.diff(candles.open_time_ms[-needed:])
    gaps = np.flatnonzero(steps != interval // timedelta(milliseconds=1))
    if gaps.size:
        raise StaleData(f"candles are missing {needed - 1 - int(gaps[-1])} intervals before the last one")
    prices = (candles.open, candles.high, candles.low, candles.close)
    if not all(bool(np.all(np.isfinite(column[-needed:]) & (column[-needed:] > 0))) for column in prices):
        raise StaleData("a candle has a price that is no positive number")


def _fetch_current(series: Series, now: datetime) -> tuple[bytes, Rows]:
    for attempt in Retrying(
        retry=retry_if_exception_type(_NotClosedYet), stop=stop_after_attempt(4), wait=wait_fixed(0.5), reraise=True
    ):
        with attempt:
            rows = _fetch(series, now, waited=timedelta(seconds=attempt.retry_state.idle_for))
    return rows.tobytes(), rows


def _fetch(series: Series, now: datetime, *, waited: timedelta) -> Rows:
    gateway = public_gateway(series.environment, series.market)
    rows = gateway.candles(series.symbol, series.interval, limit=LIMIT)
    closed = _closed(rows, series, now)
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


def _unpack(packed: bytes) -> Rows:
    return np.frombuffer(packed, dtype=np.float64).reshape(-1, 6)
