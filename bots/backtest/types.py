"""What a backtest is asked, and what it answers. Plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bots.recipe import Recipe
from bots.situation import Setup
from bots.types import Reason
from market.exchange.types import MarginBracket
from market.rules import Rules
from market.types import Series, Side
from trades.lifecycle import OrderPurpose


class NotTestable(Exception):
    """The strategy can't be tested on candles, or not with these parameters. The message says why."""


class BadCandles(Exception):
    """What is given are no candles that anything could be traded on. The message names the first fault."""


@dataclass(frozen=True)
class Bounds:
    """The platform's own bounds on entries; None where there is none."""

    max_notional: Decimal | None = None  # of one order, in quote asset
    max_leverage: int | None = None
    orders_per_minute: int | None = None
    entries_per_hour: int | None = None


@dataclass(frozen=True)
class Trial:
    """A bot as it would have been. Percents: 0.1 is a tenth of a percent."""

    series: Series
    recipe: Recipe
    setup: Setup  # its wish is RUN
    rules: Rules
    time_zone: str = "UTC"  # whose midnight begins the bot's day
    fee_percent: Decimal = Decimal("0.1")  # of what each order trades
    slippage_percent: Decimal = Decimal(0)  # by which each order fares worse than the candle says
    funding_percent: Decimal = Decimal(0)  # futures: what a long position pays every eight hours; less than 0: receives
    brackets: tuple[MarginBracket, ...] = ()  # futures: the margin that a position needs to stay
    bounds: Bounds = Bounds()


@dataclass(frozen=True)
class Fill:
    """One order that was filled. ``at`` is the open of the candle, or the last millisecond of the one it lies in."""

    at: datetime
    side: Side
    price: Decimal
    quantity: Decimal
    fee_quote: Decimal
    purpose: OrderPurpose
    kind: str  # entry, addition, reduction, or why it was left: stop_loss, take_profit, signal, liquidation …
    realized_pnl: Decimal  # quote asset, net of its fee


@dataclass(frozen=True)
class Round:
    """A position from the first purchase until nothing that could be sold was left."""

    side: Side
    opened_at: datetime
    closed_at: datetime
    entry_price: Decimal  # average
    exit_price: Decimal  # average
    quantity: Decimal  # base asset: of all its entries
    realized_pnl: Decimal  # quote asset: net of fees and funding
    fees: Decimal
    funding: Decimal  # received less paid
    exit_kind: str  # of the last fill


@dataclass(frozen=True)
class Open:
    """A position that is still open when the candles end."""

    side: Side
    opened_at: datetime
    quantity: Decimal  # signed
    entry_price: Decimal
    price: Decimal  # the last close
    unrealized_pnl: Decimal  # before the fee of closing it


@dataclass(frozen=True)
class Outcome:
    """What a trial came to. ``equity``: what the bot is worth at the close of each candle, in quote asset."""

    fills: tuple[Fill, ...]
    rounds: tuple[Round, ...]
    equity_ms: NDArray[np.int64]  # the close of each candle
    equity: NDArray[np.float64]
    reasons: Mapping[Reason, int]  # how many candles' entries each of them held back
    open_position: Open | None
