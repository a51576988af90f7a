"""What the engines start from: the state the ledger remembers."""

from __future__ import annotations

from market.paper.engine.spot import tables as spot
from market.paper.engine.spot.types import SpotState
from market.paper.engine.types import Market
from market.paper.ledger import Ledger

OPEN = "market = ? AND status IN ('NEW', 'PARTIALLY_FILLED', 'PENDING_NEW') ORDER BY time_ms, order_id"


def spot_state(ledger: Ledger) -> SpotState:
    """The spot engine's state."""
    return SpotState(
        balances=ledger.things(spot.BALANCES),
        open_orders=ledger.things(spot.ORDERS, OPEN, ["spot"]),
        statuses=statuses(ledger, "spot"),
        next_order_ids=ledger.next_ids("orders", "order_id", "spot"),
        next_trade_ids=ledger.next_ids("fills", "trade_id", "spot"),
    )


def statuses(ledger: Ledger, market: Market) -> dict[str, str]:
    """The status of every symbol that was ever set, by symbol."""
    start = f"status:{market}:"
    return {key.removeprefix(start): value for key, value in ledger.settings().items() if key.startswith(start)}
