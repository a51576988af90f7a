"""What goes to the exchange and what comes back, typed, with Decimals."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from market.types import Side


@dataclass(frozen=True)
class OrderRequest:
    """A market order. It is valid from ``signed_at`` for ``valid_for``: past that the exchange refuses it."""

    symbol: str
    side: Side
    quantity: Decimal  # base asset
    client_order_id: str
    signed_at: datetime
    valid_for: timedelta


class ReportStatus(StrEnum):
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True)
class FillReport:
    """One execution. ``commission`` is in ``commission_asset``."""

    exchange_trade_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    executed_at: datetime


@dataclass(frozen=True)
class OrderReport:
    """What the exchange says of an order now. ``fills`` may lag behind ``executed_quantity``."""

    client_order_id: str
    exchange_order_id: int
    status: ReportStatus
    executed_quantity: Decimal
    fills: tuple[FillReport, ...]


@dataclass(frozen=True)
class Balance:
    asset: str
    free: Decimal
    locked: Decimal
