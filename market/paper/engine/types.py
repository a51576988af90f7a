"""Nouns that spot and futures share. Amounts count 10**-8 (see amounts.py), moments are milliseconds (``*_ms``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Market = Literal["spot", "futures"]
Side = Literal["BUY", "SELL"]

OPEN_STATUSES = ("NEW", "PARTIALLY_FILLED")


class Rejected(Exception):
    """The exchange says no: Binance's ``code`` and ``msg``. Nothing has changed."""

    def __init__(self, code: int, msg: str) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg


@dataclass(frozen=True, slots=True)
class Account:
    """One account with its key pair, good for spot and futures."""

    account_id: int
    label: str
    api_key: str
    api_secret: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money that came from outside (or, negative, left one market for the other)."""

    number: int
    account_id: int
    market: Market
    asset: str
    amount: int
    at_ms: int


@dataclass(slots=True)  # nobody changes one; frozen, it would take six times as long to make
class Quote:
    """The market in one symbol at one moment, and how much would trade at which price.

    The ladder has ``levels`` levels a side, ``gap`` apart, ``level_qty`` (base) each, best at ``bid`` and ``ask``.
    What takers take from it stays taken until ``step`` changes. ``average`` is the volume-weighted price of the last
    minutes. ``mark`` and ``index`` are of futures; on spot they are the last price. ``most`` is what one taker gets at
    most, however deep the ladder is; None: no bound.
    """

    step: int
    last: int
    bid: int
    ask: int
    average: int
    gap: int
    level_qty: int
    levels: int
    mark: int
    index: int
    most: int | None = None


@dataclass(slots=True, kw_only=True)
class Order:
    """An accepted order, as far as both markets agree. ``price`` is 0 for orders at market."""

    order_id: int  # unique per symbol only, as on Binance
    account_id: int
    symbol: str
    client_order_id: str
    side: Side
    type: str
    time_in_force: str
    status: str
    price: int
    orig_qty: int
    executed_qty: int = 0
    cum_quote: int = 0
    time_ms: int
    update_ms: int

    @property
    def remaining_qty(self) -> int:
        """What is still to be filled, in base asset."""
        return self.orig_qty - self.executed_qty

    @property
    def is_open(self) -> bool:
        """True while the order can still fill or be cancelled."""
        return self.status in OPEN_STATUSES


class Fill(NamedTuple):
    """One execution. ``trade_id`` is unique per market and symbol. The last two are of futures.

    A tuple because many are made: a frozen dataclass takes a sixth of the time of a market order to make.
    """

    market: Market
    trade_id: int
    order_id: int
    account_id: int
    symbol: str
    side: Side
    price: int
    qty: int
    quote_qty: int
    commission: int
    commission_asset: str
    is_maker: bool
    time_ms: int
    realized_pnl: int = 0
    position_side: str = "BOTH"
