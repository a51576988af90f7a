"""Nouns of spot. Amounts count 10**-8."""

from __future__ import annotations

from dataclasses import dataclass, field

from market.paper.engine.types import Order, Side

NO_LIST = -1

STOP_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


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

    @property
    def rises(self) -> bool:
        """Of a stop order: True when its trigger is above the market."""
        return wakes_above(self.side, self.type)


@dataclass(slots=True, kw_only=True)
class SpotOrder(Order):
    """An accepted order. ``orig_quote_order_qty`` is 0 unless asked for so; ``working_ms`` is -1 until it works."""

    orig_quote_order_qty: int = 0
    working_ms: int = -1
    order_list_id: int = NO_LIST
    stop_price: int = 0
    trailing_delta: int = 0
    # When the order began to follow the market; -1 while it waits for its stop price.
    trailing_ms: int = -1
    # The best price since then: highest for a sell, lowest for a buy.
    trailing_best: int = 0
    # What a buy is expected to cost at most, when it has neither price nor stop price.
    reserve_price: int = 0
    iceberg_qty: int = 0
    strategy_id: int | None = None
    strategy_type: int | None = None
    self_trade_prevention: str = "EXPIRE_MAKER"
    expiry_reason: str | None = None
    amends: int = 0

    @property
    def is_working(self) -> bool:
        """True when it is (or was) in the book, False while it waits for its stop price."""
        return self.working_ms >= 0

    @property
    def rises(self) -> bool:
        """Of a stop order: True when its trigger is above the market."""
        return wakes_above(self.side, self.type)


@dataclass(frozen=True, slots=True)
class NewList:
    """A request for an OCO pair. ``stop`` is a STOP_LOSS(_LIMIT), ``other`` a LIMIT_MAKER or a TAKE_PROFIT(_LIMIT)."""

    client_order_id: str
    stop: NewOrder
    other: NewOrder


@dataclass(slots=True)
class OrderList:
    """Two orders of which only one may work: when one does, or is cancelled, the other goes.

    ``order_ids`` are those of the stop leg and of the other. ``status`` is EXECUTING or ALL_DONE.
    """

    order_list_id: int
    account_id: int
    symbol: str
    client_order_id: str
    order_ids: tuple[int, int]
    client_ids: tuple[str, str]
    status: str
    time_ms: int
    update_ms: int

    @property
    def is_open(self) -> bool:
        """True while both legs are open."""
        return self.status == "EXECUTING"


@dataclass(slots=True)
class SpotState:
    """What an engine starts from: what the ledger remembers. Next ids are by symbol, but for those of order lists."""

    balances: list[Balance] = field(default_factory=list)
    open_orders: list[SpotOrder] = field(default_factory=list)
    open_lists: list[OrderList] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    bnb_burners: set[int] = field(default_factory=set)
    next_order_ids: dict[str, int] = field(default_factory=dict)
    next_trade_ids: dict[str, int] = field(default_factory=dict)
    next_list_id: int = 1


def wakes_above(side: Side, kind: str) -> bool:
    """True for STOP_LOSS BUY and TAKE_PROFIT SELL, False for the two that wait for the price to fall."""
    return (side == "BUY") == kind.startswith("STOP_LOSS")
