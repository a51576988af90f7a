"""Nouns of futures. Amounts count 10**-8; what counts 10**-16 (a price times a quantity, unrounded) says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from market.paper.engine.types import Fill, Order, Side

PositionSide = Literal["BOTH", "LONG", "SHORT"]
MarginType = Literal["CROSSED", "ISOLATED"]
IncomeType = Literal["TRANSFER", "REALIZED_PNL", "FUNDING_FEE", "COMMISSION", "INSURANCE_CLEAR"]

CONDITIONAL_TYPES = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
OPEN_ALGO_STATUSES = ("NEW", "TRIGGERING", "TRIGGERED")
DEFAULT_LEVERAGE = 20


@dataclass(slots=True, kw_only=True)
class NewFuturesOrder:
    """A request to trade, well-formed (the border has checked presence and spelling) but not yet judged.

    ``price_match`` other than NONE stands in for the price. The border fills in a random ``client_order_id`` when
    none was sent.
    """

    account_id: int
    symbol: str
    side: Side
    type: str
    client_order_id: str
    position_side: str = "BOTH"
    time_in_force: str = "GTC"
    quantity: int | None = None
    price: int | None = None
    reduce_only: bool = False
    good_till_ms: int = 0
    price_match: str = "NONE"
    self_trade_prevention: str = "EXPIRE_MAKER"


@dataclass(slots=True, kw_only=True)
class NewAlgoOrder:
    """A request for a conditional order. ``callback_rate`` is in percent (1 % is 10**8)."""

    account_id: int
    symbol: str
    side: Side
    type: str
    client_algo_id: str
    position_side: str = "BOTH"
    time_in_force: str = "GTC"
    quantity: int | None = None
    price: int | None = None
    trigger_price: int | None = None
    working_type: str = "CONTRACT_PRICE"
    close_position: bool = False
    price_protect: bool = False
    reduce_only: bool = False
    activate_price: int | None = None
    callback_rate: int | None = None
    good_till_ms: int = 0
    price_match: str = "NONE"
    self_trade_prevention: str = "EXPIRE_MAKER"


@dataclass(slots=True, kw_only=True)
class FuturesOrder(Order):
    """An accepted order. What follows ``good_till_ms`` is of orders that a conditional order left behind."""

    position_side: str = "BOTH"
    reduce_only: bool = False
    price_match: str = "NONE"
    self_trade_prevention: str = "EXPIRE_MAKER"
    good_till_ms: int = 0
    orig_type: str = ""  # empty: the same as the type
    algo_id: int = 0
    stop_price: int = 0
    working_type: str = "CONTRACT_PRICE"
    close_position: bool = False
    price_protect: bool = False
    activate_price: int = 0
    callback_rate: int = 0
    # What has been realised by all of its fills, and how often it was modified.
    realized_pnl: int = 0
    modifications: int = 0

    @property
    def average_price(self) -> int:
        """Average price of what has been filled, 0 before the first fill."""
        return self.cum_quote * 10**8 // self.executed_qty if self.executed_qty else 0


@dataclass(slots=True, kw_only=True)
class AlgoOrder:
    """An accepted conditional order. ``quantity`` is 0 with close_position; ids and moments are 0 before they are."""

    algo_id: int
    account_id: int
    symbol: str
    client_algo_id: str
    side: Side
    position_side: str
    type: str
    time_in_force: str
    quantity: int
    price: int
    trigger_price: int
    working_type: str
    close_position: bool
    price_protect: bool
    reduce_only: bool
    activate_price: int
    callback_rate: int
    good_till_ms: int
    price_match: str
    self_trade_prevention: str
    status: str
    time_ms: int
    update_ms: int
    trigger_ms: int = 0
    actual_order_id: int = 0
    actual_type: str = ""
    actual_price: int = 0
    actual_qty: int = 0
    reject_reason: str = ""
    # Trailing: whether it follows the price, and the best price since (lowest for BUY, highest for SELL).
    is_trailing: bool = False
    best_price: int = 0

    @property
    def is_open(self) -> bool:
        """True while it can still trigger or its order can still fill."""
        return self.status in OPEN_ALGO_STATUSES


@dataclass(slots=True)
class Position:
    """What an account holds of one symbol on one side. A flat position is remembered too.

    ``cost`` is signed like the quantity: the sum of price x quantity of what is held, in 10**-16, never rounded: the
    entry price is cost / quantity. ``residue`` (10**-16, below 10**8) is profit too small to be booked yet.
    ``paid`` is what the position has cost since it was opened: commissions less realised profit, for the break-even
    price. ``realized`` is all that it has ever realised. ``isolated_wallet`` is the margin that belongs to it alone, 0
    when crossed.
    """

    account_id: int
    symbol: str
    side: str
    quantity: int = 0
    cost: int = 0
    residue: int = 0
    paid: int = 0
    realized: int = 0
    isolated_wallet: int = 0
    update_ms: int = 0

    @property
    def entry_price(self) -> int:
        """Average price of what is held, 0 when flat."""
        return self.cost // self.quantity if self.quantity else 0

    @property
    def break_even_price(self) -> int:
        """The price at which what it has paid comes back, 0 when flat."""
        return (self.cost + self.paid * 10**8) // self.quantity if self.quantity else 0


@dataclass(slots=True)
class Wallet:
    """All that an account has of one asset; ``isolated`` is the part of it that isolated positions hold.

    What is left may fall below zero only while crossed positions with unrealised profit back it.
    """

    account_id: int
    asset: str
    balance: int = 0
    isolated: int = 0
    update_ms: int = 0

    @property
    def cross(self) -> int:
        """What crossed positions and orders can use."""
        return self.balance - self.isolated


@dataclass(slots=True)
class SymbolConfig:
    """Leverage and margin type of one account in one symbol."""

    account_id: int
    symbol: str
    leverage: int = DEFAULT_LEVERAGE
    margin_type: MarginType = "CROSSED"


@dataclass(slots=True)
class AccountConfig:
    """What an account has chosen for all symbols."""

    account_id: int
    hedge_mode: bool = False
    multi_assets: bool = False
    fee_burn: bool = False


@dataclass(frozen=True, slots=True)
class Income:
    """Why a wallet changed. ``trade_id`` is 0 when no fill was involved."""

    tran_id: int
    account_id: int
    symbol: str
    income_type: IncomeType
    income: int
    asset: str
    info: str
    time_ms: int
    trade_id: int


@dataclass(slots=True)
class Countdown:
    """A dead man's switch: at ``deadline_ms`` all open orders of the account in the symbol go. 0: switched off."""

    account_id: int
    symbol: str
    deadline_ms: int


@dataclass(slots=True)
class FuturesState:
    """What an engine starts from: what the ledger remembers. Next ids of orders and fills are by symbol.

    ``next_algo_id`` and ``next_tran_id`` are 0 when there was none yet.
    """

    wallets: list[Wallet] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    symbol_configs: list[SymbolConfig] = field(default_factory=list)
    account_configs: list[AccountConfig] = field(default_factory=list)
    open_orders: list[FuturesOrder] = field(default_factory=list)
    open_algos: list[AlgoOrder] = field(default_factory=list)
    countdowns: list[Countdown] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    next_order_ids: dict[str, int] = field(default_factory=dict)
    next_trade_ids: dict[str, int] = field(default_factory=dict)
    next_algo_id: int = 0
    next_tran_id: int = 0


@dataclass(frozen=True, slots=True)
class PositionView:
    """A position and its symbol as the account endpoints show them; amounts at the last mark price.

    ``liquidation_price`` is 0 when there is none. ``open_order_margin`` and the notionals of open orders are the
    symbol's and stand with one of its sides only (BOTH, or in hedge mode LONG the buys, SHORT the sells).
    """

    symbol: str
    side: str
    quantity: int
    entry_price: int
    break_even_price: int
    mark_price: int
    notional: int
    unrealized: int
    liquidation_price: int
    leverage: int
    margin_type: MarginType
    isolated_wallet: int
    isolated_margin: int
    initial_margin: int
    position_margin: int
    open_order_margin: int
    maintenance: int
    max_notional: int
    bid_notional: int
    ask_notional: int
    margin_asset: str
    update_ms: int
    has_orders: bool


@dataclass(frozen=True, slots=True)
class AssetView:
    """One asset of an account: the rows of ``assets`` in the account endpoints and those of the balance endpoints."""

    asset: str
    wallet_balance: int
    unrealized: int
    margin_balance: int
    maintenance: int
    initial_margin: int
    position_margin: int
    open_order_margin: int
    cross_wallet: int
    cross_unrealized: int
    available: int
    max_withdraw: int
    update_ms: int


Placed = tuple[FuturesOrder, list[Fill]]
