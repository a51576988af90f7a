"""What the engines start from: the state the ledger remembers."""

from __future__ import annotations

from market.paper.engine.futures import tables as futures
from market.paper.engine.futures.types import FuturesState
from market.paper.engine.spot import tables as spot
from market.paper.engine.spot.types import SpotState
from market.paper.engine.types import Market
from market.paper.ledger import Ledger

OPEN = "market = ? AND status IN ('NEW', 'PARTIALLY_FILLED') ORDER BY time_ms, order_id"


def spot_state(ledger: Ledger) -> SpotState:
    """The spot engine's state."""
    (list_id,) = ledger.row("SELECT coalesce(max(order_list_id), 0) + 1 FROM order_lists")
    return SpotState(
        balances=ledger.things(spot.BALANCES),
        open_orders=ledger.things(spot.ORDERS, OPEN, ["spot"]),
        statuses=statuses(ledger, "spot"),
        next_order_ids=ledger.next_ids("orders", "order_id", "spot"),
        next_trade_ids=ledger.next_ids("fills", "trade_id", "spot"),
        open_lists=ledger.things(spot.ORDER_LISTS, "status = 'EXECUTING' ORDER BY order_list_id"),
        next_list_id=int(str(list_id)),
        bnb_burners={int(account) for account, burns in settings(ledger, "bnb_burn:").items() if burns == "true"},
    )


def futures_state(ledger: Ledger) -> FuturesState:
    """The futures engine's state."""
    (algo_id,) = ledger.row("SELECT coalesce(max(algo_id) + 1, 0) FROM futures_algo_orders")
    (tran_id,) = ledger.row("SELECT coalesce(max(tran_id) + 1, 0) FROM futures_incomes")
    return FuturesState(
        wallets=ledger.things(futures.WALLETS),
        positions=ledger.things(futures.POSITIONS),
        symbol_configs=ledger.things(futures.SYMBOL_CONFIGS),
        account_configs=ledger.things(futures.ACCOUNT_CONFIGS),
        open_orders=ledger.things(futures.ORDERS, OPEN, ["futures"]),
        open_algos=ledger.things(futures.ALGO_ORDERS, futures.OPEN_ALGOS),
        countdowns=ledger.things(futures.COUNTDOWNS, "deadline_ms > 0"),
        statuses=statuses(ledger, "futures"),
        next_order_ids=ledger.next_ids("orders", "order_id", "futures"),
        next_trade_ids=ledger.next_ids("fills", "trade_id", "futures"),
        next_algo_id=int(str(algo_id)),
        next_tran_id=int(str(tran_id)),
    )


def statuses(ledger: Ledger, market: Market) -> dict[str, str]:
    """The status of every symbol that was ever set, by symbol."""
    return settings(ledger, f"status:{market}:")


def settings(ledger: Ledger, start: str) -> dict[str, str]:
    """The settings whose keys begin so, without the beginning."""
    return {key.removeprefix(start): value for key, value in ledger.settings().items() if key.startswith(start)}
