"""Recorded candles as arrays: one row per minute of a common window of whole UTC days, all amounts scaled by 10**8."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market.paper.engine.amounts import SCALE, units
from market.paper.engine.types import Market

Ints = NDArray[np.int64]

DATA = Path(__file__).parent.parent / "data"
INFO_FILES: dict[Market, str] = {"spot": "exchange_info.json", "futures": "futures_exchange_info.json"}
MINUTES_PER_HOUR = 60
MINUTES_PER_FUNDING = 480
MINUTES_PER_DAY = 1440
MS_PER_MINUTE = 60_000
MINUTES_OF_A_COPY = 613  # between one copy's time and the next one's
# The recording does not say how many trades made a minute; one per so much quote volume looks like Binance.
QUOTE_PER_TRADE = 500 * SCALE


class UnusableRecording(Exception):
    """The data folder holds no usable candles; the text says why."""


@dataclass(frozen=True, slots=True)
class Candles:
    """One symbol's minutes. ``present`` is False where the recording has a gap; amounts are scaled integers."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote_volume: Ints
    trades: Ints
    present: NDArray[np.bool_]

    def __len__(self) -> int:
        """How many minutes the window has."""
        return len(self.open)

    def picked(self, rows: Ints) -> Candles:
        """Only these rows."""
        return Candles(*(getattr(self, name)[rows] for name in self.__slots__))

    def rolled(self, shift: int) -> Candles:
        """The same minutes, the one at ``shift`` first: index 0 of the result is index ``shift`` here."""
        return Candles(*(np.roll(getattr(self, name), -shift) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Recording:
    """All symbols of a market over one window; ``first_minute`` is its first minute, in minutes since the epoch."""

    market: Market
    first_minute: int
    candles: dict[str, Candles]
    exchange_info: dict[str, Any]
    # Funding rates (10**-8) by symbol, one for each eight hours of the window; none on spot.
    funding: dict[str, Ints]
    # What a BNB was worth in USDT, one close for each hour of the window; None when that is not recorded.
    bnb_closes: Ints | None

    @property
    def length(self) -> int:
        """Minutes in the window: a whole number of days, so that every interval up to 1d divides it."""
        return len(next(iter(self.candles.values())))

    def filter(self, symbol: str, filter_type: str, field: str) -> int:
        """An amount of one of the symbol's filters; a disabled one (0) counts as the smallest amount there is."""
        (entry,) = (entry for entry in self.exchange_info["symbols"] if entry["symbol"] == symbol)
        return amount_of_filter(entry, filter_type, field)


def load_recording(folder: Path = DATA, market: Market = "spot", *, copies: int = 0) -> Recording:
    """Read a market's exchangeInfo and the ``<market>_<symbol>_1m_*.csv.gz`` beside it; cut symbols to what they share.

    ``copies``: so many more symbols, each a recorded one under another name and at another time.
    Raises UnusableRecording, OSError.
    """
    info = json.loads((folder / INFO_FILES[market]).read_text())
    known = {entry["symbol"] for entry in info["symbols"]}
    pattern = f"{market}_*_1m_*.csv.gz"
    tables = {path.name.split("_")[1]: _read(path) for path in sorted(folder.glob(pattern))}
    tables = {symbol: table for symbol, table in tables.items() if symbol in known}
    if not tables:
        raise UnusableRecording(f"no {pattern} for a symbol of {INFO_FILES[market]} in {folder}")
    first, days = _common_days(tables)
    if days < 1:
        raise UnusableRecording(f"the {market} recordings in {folder} share no whole UTC day")
    length = days * MINUTES_PER_DAY
    candles = {symbol: _cut(table, first, length) for symbol, table in tables.items()}
    info["symbols"] = [entry for entry in info["symbols"] if entry["symbol"] in candles]
    _add_copies(copies, candles, info)
    funding = {symbol: _funding(folder, symbol, first, length) for symbol in candles} if market == "futures" else {}
    return Recording(market, first, candles, info, funding, _bnb_closes(folder, first, length))


def _add_copies(count: int, candles: dict[str, Candles], info: dict[str, Any]) -> None:
    """Symbols named like BTC7USDT, with the rules of what they copy and the minutes of some hours later."""
    recorded = list(info["symbols"])
    for number in range(1, count + 1):
        entry = recorded[number % len(recorded)]
        base = f"{entry['baseAsset']}{number}"
        symbol = f"{base}{entry['quoteAsset']}"
        info["symbols"].append(entry | {"symbol": symbol, "baseAsset": base})
        candles[symbol] = candles[entry["symbol"]].rolled(number * MINUTES_OF_A_COPY)


def amount_of_filter(entry: dict[str, Any], filter_type: str, field: str) -> int:
    """An amount of a filter of an exchangeInfo entry; a disabled one (0) counts as the smallest amount there is."""
    (row,) = (row for row in entry["filters"] if row["filterType"] == filter_type)
    return units(row[field]) or 1


def load_leverage_brackets(folder: Path = DATA) -> list[dict[str, Any]]:
    """Read the recorded answer of GET leverageBracket. Raises OSError."""
    return list(json.loads((folder / "futures_leverage_brackets.json").read_text()))


def scaled(text_or_floats: NDArray[np.float64]) -> Ints:
    """Recorded decimals as integers. Exact: what is recorded has at most 15 digits, fewer than a double carries."""
    return np.rint(text_or_floats * SCALE).astype(np.int64)


def _read(path: Path) -> NDArray[np.float64]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        return np.loadtxt(lines, delimiter=",", skiprows=1, ndmin=2)


def _funding(folder: Path, symbol: str, first: int, length: int) -> Ints:
    """The rates at 00:00, 08:00 and 16:00 of the window. Recorded times are some milliseconds late."""
    rates: dict[int, int] = {}
    for path in folder.glob(f"futures_{symbol}_fundingRate_*.csv"):
        table = _read(path)
        boundaries = (table[:, 0].astype(np.int64) // MS_PER_MINUTE - first) // MINUTES_PER_FUNDING
        rates |= dict(zip(boundaries.tolist(), scaled(table[:, 1]).tolist(), strict=True))
    missing = [number for number in range(length // MINUTES_PER_FUNDING) if number not in rates]
    if missing:
        raise UnusableRecording(f"futures_{symbol}_fundingRate_*.csv in {folder} lacks {len(missing)} of the rates")
    return np.array([rates[number] for number in range(length // MINUTES_PER_FUNDING)], dtype=np.int64)


def _bnb_closes(folder: Path, first: int, length: int) -> Ints | None:
    """The hourly closes of the window, if there are any that cover it."""
    for path in folder.glob("spot_BNBUSDT_1h_*.csv.gz"):
        table = _read(path)
        hours = (table[:, 0].astype(np.int64) // MS_PER_MINUTE - first) // MINUTES_PER_HOUR
        inside = (hours >= 0) & (hours < length // MINUTES_PER_HOUR)
        if inside.sum() == length // MINUTES_PER_HOUR:
            return scaled(table[inside, 4])
    return None


def _common_days(tables: dict[str, NDArray[np.float64]]) -> tuple[int, int]:
    """First minute of the first whole common UTC day, and how many whole days follow."""
    first = max(int(table[0, 0]) for table in tables.values()) // MS_PER_MINUTE
    last = min(int(table[-1, 0]) for table in tables.values()) // MS_PER_MINUTE
    first_day = -(-first // MINUTES_PER_DAY)
    return first_day * MINUTES_PER_DAY, (last + 1) // MINUTES_PER_DAY - first_day


def _cut(table: NDArray[np.float64], first: int, length: int) -> Candles:
    minutes = table[:, 0].astype(np.int64) // MS_PER_MINUTE - first
    inside = (minutes >= 0) & (minutes < length)
    rows, at = table[inside], minutes[inside]
    opened, high, low, close, volume = (_placed(scaled(rows[:, column]), at, length) for column in range(1, 6))
    present = np.zeros(length, dtype=np.bool_)
    present[at] = True
    if rows.shape[1] >= 8:
        quote, trades = _placed(scaled(rows[:, 6]), at, length), _placed(rows[:, 7].astype(np.int64), at, length)
    else:
        quote = _estimated_quote_volume(volume, (opened + high + low + close) // 4)
        trades = -(-quote // QUOTE_PER_TRADE)
    return Candles(opened, high, low, close, volume, quote, trades, present)


def _placed(values: Ints, at: Ints, length: int) -> Ints:
    out = np.zeros(length, dtype=np.int64)
    out[at] = values
    return out


def _estimated_quote_volume(volume: Ints, middle: Ints) -> Ints:
    """Volume times the middle of the bar: market statistics, not money, so a double may carry it."""
    return np.rint(volume * (middle / SCALE)).astype(np.int64)
