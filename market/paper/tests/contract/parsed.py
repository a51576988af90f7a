"""What a client made of the exchange's answers, in one form for all clients, so that one scenario can check them all.

Only what the client itself parsed gets in here; an adapter never looks into the raw answer behind the client's back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# The clients' words for the state of an order. ccxt does not tell NEW from PARTIALLY_FILLED; the quantity does.
STATUSES = {
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "open": "open",
    "FILLED": "filled",
    "FINISHED": "filled",
    "closed": "filled",
    "CANCELED": "canceled",
    "canceled": "canceled",
    "EXPIRED": "expired",
    "expired": "expired",
}


@dataclass(frozen=True)
class Rules:
    """What a client knows of a symbol after loading the markets."""

    tick_size: Decimal
    step_size: Decimal
    min_quantity: Decimal
    min_notional: Decimal


@dataclass(frozen=True)
class Candle:
    open_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True)
class Order:
    """An order as last told. ``average_price`` is None where the client does not know it."""

    order_id: str
    client_order_id: str
    side: str
    status: str
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None


@dataclass(frozen=True)
class Pair:
    """A one-cancels-the-other list of two orders."""

    list_id: str
    order_ids: list[str]


@dataclass(frozen=True)
class Fill:
    order_id: str
    side: str
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool


@dataclass(frozen=True)
class Balance:
    free: Decimal
    locked: Decimal


@dataclass(frozen=True)
class Position:
    """A futures position. ``amount`` is negative for a short one."""

    amount: Decimal
    entry_price: Decimal
    unrealized_pnl: Decimal
    position_side: str


@dataclass(frozen=True)
class Refusal:
    """How a client told that the exchange said no."""

    error: str
    code: int


def number(value: Any) -> Decimal | None:
    """The Decimal of what a client gave; through text, for a float's own digits are what the client means."""
    return None if value is None or value == "" else Decimal(str(value))


def amount(value: Any) -> Decimal:
    """The same where a value is required."""
    found = number(value)
    assert found is not None, "the client has no value"
    return found


def price(value: Any) -> Decimal | None:
    """A price; Binance writes 0 for none."""
    return number(value) or None


def moment(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def refusal(client: Any, call: Callable[[], object]) -> Refusal:
    """Make a call that the exchange must refuse, and tell how the client (or its class) put it."""
    try:
        given = call()
    except client.errors as error:
        return Refusal(type(error).__name__, client.code_of(error))
    raise AssertionError(f"not refused: {given}")


@dataclass(frozen=True)
class Best:
    """The best prices, from a stream."""

    bid: Decimal
    ask: Decimal


@dataclass(frozen=True)
class LastPrice:
    value: Decimal


@dataclass(frozen=True)
class MarkPrice:
    value: Decimal


@dataclass(frozen=True)
class PublicTrade:
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True)
class SpotBalance:
    asset: str
    balance: Balance


@dataclass(frozen=True)
class Wallet:
    """A futures wallet, without unrealised profit."""

    asset: str
    amount: Decimal
