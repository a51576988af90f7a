"""Nouns of the engine. Amounts are Decimals, moments are milliseconds since the epoch (``*_ms``), as on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

ZERO = Decimal(0)

Side = Literal["BUY", "SELL"]
OrderType = Literal["LIMIT", "LIMIT_MAKER", "MARKET"]
TimeInForce = Literal["GTC", "IOC", "FOK"]
OrderStatus = Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"]

OPEN_STATUSES = ("NEW", "PARTIALLY_FILLED")


class Rejected(Exception):
    """The exchange says no: Binance's ``code`` and ``msg``. Nothing has changed."""

    def __init__(self, code: int, msg: str) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg


@dataclass(frozen=True, slots=True)
class Account:
    """One account with its key pair."""

    account_id: int
    label: str
    api_key: str
    api_secret: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money that came from outside: the only way amounts enter the exchange besides fills."""

    account_id: int
    asset: str
    amount: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds of one asset: ``free`` to use, ``locked`` in resting orders."""

    account_id: int
    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """The market in one symbol at one moment. ``average`` is the volume-weighted price of the last minutes."""

    last: Decimal
    bid: Decimal
    ask: Decimal
    average: Decimal


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request to trade, well-formed (the border has checked presence and spelling) but not yet judged."""

    account_id: int
    symbol: str
    side: Side
    type: OrderType
    client_order_id: str
    time_in_force: TimeInForce = "GTC"
    quantity: Decimal | None = None
    quote_order_qty: Decimal | None = None
    price: Decimal | None = None


@dataclass(slots=True)
class Order:
    """An accepted order. ``price`` is 0 for MARKET, ``orig_quote_order_qty`` 0 unless asked for in quote."""

    order_id: int
    account_id: int
    symbol: str
    client_order_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    status: OrderStatus
    price: Decimal
    orig_qty: Decimal
    orig_quote_order_qty: Decimal
    executed_qty: Decimal
    cummulative_quote_qty: Decimal
    time_ms: int
    update_ms: int

    @property
    def remaining_qty(self) -> Decimal:
        """What is still to be filled, in base asset."""
        return self.orig_qty - self.executed_qty

    @property
    def is_open(self) -> bool:
        """True while the order can still fill or be cancelled."""
        return self.status in OPEN_STATUSES


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. ``commission`` is in ``commission_asset``, the asset that was received."""

    trade_id: int
    order_id: int
    account_id: int
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool
    time_ms: int
