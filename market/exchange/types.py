"""What goes to the exchange and what comes back, typed, with Decimals."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from market.types import OrderType, Side


@dataclass(frozen=True)
class OrderRequest:
    """An order. It is valid from ``signed_at`` for ``valid_for``: past that the exchange refuses it."""

    symbol: str
    side: Side
    quantity: Decimal  # base asset
    client_order_id: str
    signed_at: datetime
    valid_for: timedelta
    type: OrderType = OrderType.MARKET
    price: Decimal | None = None  # quote asset: of a limit order its limit, of a conditional one its trigger
    reduce_only: bool = False  # futures: it can only make the position smaller; spot knows no such thing


@dataclass(frozen=True)
class PairRequest:
    """A stop and a target of one quantity, of which the exchange executes one at most: OCO, on spot only."""

    list_client_id: str
    stop: OrderRequest
    target: OrderRequest


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
    """What the exchange says of an order now. ``fills`` may lag behind ``executed_quantity``.

    A conditional order of futures is told of by the order that it became, once it has been triggered.
    """

    client_order_id: str
    exchange_order_id: int
    status: ReportStatus
    executed_quantity: Decimal
    fills: tuple[FillReport, ...]


@dataclass(frozen=True)
class OpenOrder:
    """An order, ours or not, that is open at the exchange."""

    symbol: str
    client_order_id: str
    exchange_order_id: int  # of a conditional order on futures, its algo id
    kind: str  # the exchange's own word for its type
    side: Side
    quantity: Decimal
    executed_quantity: Decimal
    price: Decimal  # limit or trigger; 0 where there is none
    is_conditional: bool


@dataclass(frozen=True)
class AccountFill:
    """One execution of the account, by whatever order, as a list of fills tells it."""

    exchange_order_id: int
    side: Side
    fill: FillReport


@dataclass(frozen=True)
class Balance:
    """What the account holds of an asset.

    On futures both together are the wallet's balance, and ``free`` is what new orders may use: it falls with losses
    that are not realised yet, and rises with such profits, which may even make ``locked`` negative.
    """

    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True)
class Quote:
    """The best prices of a symbol's order book with what is offered there, in base asset."""

    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal


@dataclass(frozen=True)
class Level:
    """One price of an order book, and how much is offered at it, in base asset."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True)
class OrderBook:
    """The best levels of both sides, the best ones first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True)
class ExchangePosition:
    """A futures position as the exchange holds it: the sum of all bots of the account on that symbol."""

    symbol: str
    quantity: Decimal  # signed
    entry_price: Decimal
    mark_price: Decimal
    liquidation_price: Decimal | None  # None where there is none
    unrealized_pnl: Decimal


@dataclass(frozen=True)
class FuturesSetup:
    """How the account would trade a symbol on futures now."""

    leverage: int
    is_isolated: bool
    is_hedge_mode: bool
    is_multi_assets: bool


@dataclass(frozen=True)
class MarginBracket:
    """The margin that a position needs to stay: notional × ``ratio`` - ``deduction``; of all brackets the most counts.

    The exchange chooses the bracket by the notional. Since each begins where it asks as much as the one before, and
    for more from there on, that is the bracket which asks most.
    """

    ratio: Decimal
    deduction: Decimal  # quote asset


@dataclass(frozen=True)
class FundingReport:
    """A funding payment, or the fee of a liquidation; negative is paid by us. Each account's ids are unique."""

    transaction_id: int
    symbol: str
    asset: str
    amount: Decimal
    paid_at: datetime


@dataclass(frozen=True)
class TransferReport:
    """A transfer between the wallets of one account, as the exchange's history tells it."""

    transaction_id: int
    asset: str
    amount: Decimal
    to_futures: bool
    at: datetime
    is_booked: bool  # else it is under way, and may still fail


@dataclass(frozen=True)
class KeyPermissions:
    """What the key may do, as the exchange says."""

    may_trade_spot: bool
    may_trade_futures: bool
    may_withdraw: bool
    may_transfer: bool
    is_ip_restricted: bool
