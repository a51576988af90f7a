"""Nouns of spot. Amounts count 10**-8."""

from __future__ import annotations

from dataclasses import dataclass, field

from market.paper.engine.types import Order, Side

NO_LIST = -1


@dataclass(slots=True)
class Balance:
    """What an account holds of one asset: ``free`` to use, ``locked`` in open orders."""

    account_id: int
    asset: str
    free: int = 0
    locked: int = 0


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request to trade, well-formed (the border has checked presence and spelling) but not yet judged."""

    account_id: int
    symbol: str
    side: Side
    type: str
    client_order_id: str
    time_in_force: str = "GTC"
    quantity: int | None = None
    quote_order_qty: int | None = None
    price: int | None = None
    stop_price: int | None = None
    trailing_delta: int | None = None  # basis points
    iceberg_qty: int | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    self_trade_prevention: str = "EXPIRE_MAKER"


@dataclass(slots=True, kw_only=True)
class SpotOrder(Order):
    """An accepted order. ``orig_quote_order_qty`` is 0 unless asked for in quote; ``working_ms`` is -1 until it works."""

    orig_quote_order_qty: int = 0
    working_ms: int = -1
    order_list_id: int = NO_LIST
    stop_price: int = 0
    trailing_delta: int = 0
    trailing_time_ms: int = -1
    # The best price since the trailing began: highest for a sell stop, lowest for a buy stop.
    trailing_best: int = 0
    iceberg_qty: int = 0
    strategy_id: int | None = None
    strategy_type: int | None = None
    self_trade_prevention: str = "EXPIRE_MAKER"
    expiry_reason: str | None = None

    @property
    def is_working(self) -> bool:
        """True when it is in the book, False while it waits for its stop price or its list."""
        return self.working_ms >= 0


@dataclass(slots=True)
class SpotState:
    """What an engine starts from: what the ledger remembers. Next ids are by symbol."""

    balances: list[Balance] = field(default_factory=list)
    open_orders: list[SpotOrder] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    next_order_ids: dict[str, int] = field(default_factory=dict)
    next_trade_ids: dict[str, int] = field(default_factory=dict)
