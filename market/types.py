"""Words that all of the market speaks: sides, environments, series, candles. Plain Python."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from time import monotonic

import numpy as np
from numpy.typing import NDArray


class Environment(StrEnum):
    """Which world an account trades in. A series, a rule and a key belong to exactly one."""

    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


class Market(StrEnum):
    SPOT = "spot"
    FUTURES = "futures"


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for a purchase, -1 for a sale; also the direction of the position that it opens."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """What an order waits for. The conditional ones rest at the exchange until their trigger price is reached."""

    MARKET = "market"
    LIMIT = "limit"  # rests at its price until it is filled or canceled
    STOP = "stop"  # sells at the market when the price has fallen to the trigger, or buys when it has risen to it
    TARGET = "target"  # take profit: sells at the market when the price has risen to the trigger, or buys below it

    @property
    def is_conditional(self) -> bool:
        """On futures these are algo orders: another endpoint, other lists, ids of their own."""
        return self in (OrderType.STOP, OrderType.TARGET)


INTERVALS = {
    "1m": timedelta(minutes=1),
    "3m": timedelta(minutes=3),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, as the exchange counts."""
    return round(moment.timestamp() * 1000)


def moment_of(ms: int) -> datetime:
    """The aware UTC moment of milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=ms)


Clock = Callable[[], datetime]


def moving(now: datetime) -> Clock:
    """A clock that goes on from ``now``: a face reads the time once, and what takes long knows how long it took."""
    begun = monotonic()
    return lambda: now + timedelta(seconds=monotonic() - begun)


@dataclass(frozen=True, order=True)
class Series:
    """The candles of one symbol and interval, in one environment: paper prices never reach a live bot."""

    environment: str
    market: str
    symbol: str
    interval: str

    def __str__(self) -> str:
        return f"{self.environment}:{self.market}:{self.symbol}:{self.interval}"

    @property
    def exchange(self) -> tuple[str, str]:
        """Environment and market: what answers for it, with prices, rules and a clock of its own."""
        return self.environment, self.market

    @property
    def duration(self) -> timedelta:
        return INTERVALS[self.interval]

    def last_close_at(self, now: datetime) -> datetime:
        """When the newest closed candle closed. Binance aligns all of these intervals to UTC."""
        step = int(self.duration.total_seconds())
        return datetime.fromtimestamp(int(now.timestamp()) // step * step, tz=UTC)


@dataclass(frozen=True)
class Candles:
    """Closed candles, oldest first, one row each: float64 arrays of equal length for charts and indicators."""

    open_time_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.close)

    @classmethod
    def from_rows(cls, rows: NDArray[np.float64]) -> "Candles":
        """From an (n, 6) array of open time in ms, open, high, low, close, volume."""
        return cls(rows[:, 0].astype(np.int64), *(np.ascontiguousarray(rows[:, i]) for i in range(1, 6)))

    def close_at(self, interval: timedelta) -> datetime:
        """When the last of these candles closed."""
        return moment_of(int(self.open_time_ms[-1])) + interval


@dataclass(frozen=True)
class Price:
    """A price of one symbol and when the exchange said so."""

    value: Decimal
    at: datetime
