"""Candles that an exchange once had, and others that one might have, for tests of strategies."""

import gzip
from functools import cache
from itertools import islice

import numpy as np

from market.paper.prices.recording import DATA
from market.types import Candles

MINUTE_MS = 60_000
RECORDINGS = [("spot", "BTCUSDT"), ("spot", "XRPUSDT"), ("futures", "SOLUSDT")]


@cache
def recorded(market: str, symbol: str, *, count: int = 999, skip: int = 0) -> Candles:
    """``count`` recorded one-minute candles, after ``skip`` others."""
    (path,) = DATA.glob(f"{market}_{symbol}_1m_*.csv.gz")
    with gzip.open(path, "rt") as lines:
        rows = np.loadtxt(islice(lines, 1 + skip, 1 + skip + count), delimiter=",")
    return Candles.from_rows(rows[:, :6])


def part(candles: Candles, start: int, stop: int) -> Candles:
    """The candles from ``start`` to before ``stop``."""
    return Candles(*(column[start:stop] for column in vars(candles).values()))


def candles_of(closes, *, spread: float = 0.0, volume=1.0) -> Candles:
    """A candle for each close: it opens at the one before, high and low are ``spread`` beyond both."""
    close = np.asarray(closes, dtype=np.float64)
    opened = np.concatenate((close[:1], close[:-1]))
    times = np.arange(len(close), dtype=np.int64) * MINUTE_MS
    high, low = np.maximum(opened, close) + spread, np.minimum(opened, close) - spread
    return Candles(times, opened, high, low, close, np.broadcast_to(np.float64(volume), close.shape).copy())
