"""What the tests of prices share: both recordings, feeds on them, the files read without the code under test."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace

from market.paper.prices.feed import Feed
from market.paper.prices.recording import DATA, MS_PER_MINUTE, Candles, Recording, load_recording
from market.paper.prices.tape import Anchor

SPOT = load_recording()
FUTURES = load_recording(market="futures")
REAL = 29_900_000  # some minute of 2026 that is aligned to nothing
ANCHOR = Anchor(exchange=REAL, recorded=SPOT.first_minute + 20_000)
FEED = Feed(SPOT, ANCHOR)
# At another time of the day than it is: the feed has to move it.
FUTURES_ANCHOR = Anchor(exchange=REAL, recorded=FUTURES.first_minute + 20_123)
FUTURES_FEED = Feed(FUTURES, FUTURES_ANCHOR)


def at(minute: int, second: float = 0) -> int:
    """A moment, in minutes since the anchor."""
    return (REAL + minute) * MS_PER_MINUTE + int(second * 1000)


def rows(feed: Feed, symbol: str, interval: str, now_ms: int, **bounds: object) -> list[list]:
    asked = {"limit": 500, "start_ms": None, "end_ms": None} | bounds
    return json.loads(feed.klines(symbol, interval, now_ms, **asked))


def recorded(symbol: str, market: str = "spot") -> list[dict[str, str]]:
    """The recorded minutes as their file has them."""
    (path,) = DATA.glob(f"{market}_{symbol}_1m_*.csv.gz")
    with gzip.open(path, "rt") as lines:
        return list(csv.DictReader(lines))


def with_gap(first: int, end: int) -> Feed:
    """A feed whose BTC recording misses the minutes ``first..end-1`` after the anchor."""
    return changed(first, end, Candles.__slots__)


def without_volume(first: int, end: int) -> Feed:
    """A feed in which nothing traded in the minutes ``first..end-1``, though their candles are there."""
    return changed(first, end, ("volume", "quote_volume", "trades"))


def changed(first: int, end: int, names: tuple[str, ...]) -> Feed:
    candles = SPOT.candles["BTCUSDT"]
    columns = {name: getattr(candles, name).copy() for name in Candles.__slots__}
    for name in names:
        columns[name][20_000 + first : 20_000 + end] = 0
    return Feed(of_bitcoin(SPOT, Candles(**columns)), ANCHOR)


def of_bitcoin(recording: Recording, candles: Candles) -> Recording:
    """The recording with these candles of BTCUSDT, and nothing else."""
    entries = [entry for entry in recording.exchange_info["symbols"] if entry["symbol"] == "BTCUSDT"]
    info = recording.exchange_info | {"symbols": entries}
    return replace(recording, candles={"BTCUSDT": candles}, exchange_info=info, funding={})
