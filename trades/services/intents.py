"""What somebody wants ordered."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from market.exchange.types import Quote
from market.types import OrderType, Side
from trades.checks import Caps
from trades.lifecycle import OrderPurpose
from trades.liquidation import Terms


@dataclass(frozen=True)
class Intent:
    """An order that somebody wants. ``signal_key`` names the act, so that it is done once."""

    purpose: OrderPurpose
    side: Side
    quantity: Decimal  # base asset
    price: Decimal  # quote asset; what the decision was based on
    signal_key: str
    reason: str
    type: OrderType = OrderType.MARKET
    order_price: Decimal | None = None  # limit or trigger
    list_client_id: str = ""
    leg: int = 0  # of a protection: which step of the take profit
    may_increase: bool = False  # an entry may add to an open position
    protections: int = 0  # how many stops and targets an entry will have at the exchange
    # What the checks look at where the caller knows it.
    wanted_by: int | None = None  # the user in whose name it is wanted
    leverage: int = 1
    terms: Terms | None = None  # of an entry on futures
    caps: Caps = field(default_factory=Caps)
    signal_at: datetime | None = None
    price_at: datetime | None = None
    quote: Quote | None = None  # without one a market entry is denied, as the last thing that is in its way
    balance_asked: bool = False  # the exchange was asked for it; see `balance_is_enough`
    clock_trouble: str = ""
