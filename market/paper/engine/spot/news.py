"""What the engine tells the user data stream. All of it has market "spot"; ``order`` and ``fill`` are of the event.

executionReport
    ``order`` as it was then, ``fill`` of a TRADE. Details: ``execution`` is x (NEW, TRADE, CANCELED, EXPIRED,
    REPLACED), ``client_id`` is c and ``orig_client_id`` is C: of a cancel the id of the cancel and the order's own,
    of a REPLACED the new and the former, otherwise the order's and "". ``is_on_book`` is w. ``execution_id`` is I: it
    rises as long as the process lives.
outboundAccountPosition
    Details: ``balances``, a list of (asset, free, locked) as they were then.
balanceUpdate
    Details: ``asset`` and ``change`` (negative when money left).
listStatus
    Details: ``pair``, an OrderList as it was then; ``status_type`` is l (EXEC_STARTED, UPDATED or ALL_DONE), while
    ``pair.status`` is L (EXECUTING or ALL_DONE). The reject reason r is always NONE.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from market.paper.engine.journal import Journal
from market.paper.engine.spot.balances import Balances
from market.paper.engine.spot.types import OrderList, SpotOrder
from market.paper.engine.types import Fill


class Reporter:
    """Makes news of what happens to accounts that somebody listens to."""

    def __init__(self, journal: Journal, balances: Balances) -> None:
        self._journal = journal
        self._watched = journal.watched
        self._balances = balances
        self._execution_id = 0

    def order(
        self,
        order: SpotOrder,
        execution: str,
        now_ms: int,
        fill: Fill | None = None,
        *,
        client_id: str = "",
        orig_client_id: str = "",
    ) -> int:
        """Something happened to an order. Returns the execution id."""
        self._execution_id += 1
        if order.account_id not in self._watched:
            return self._execution_id
        self._journal.tell(
            order.account_id,
            "spot",
            "executionReport",
            now_ms,
            order=order,
            fill=fill,
            execution=execution,
            client_id=client_id or order.client_order_id,
            orig_client_id=orig_client_id,
            is_on_book=order.is_working and order.is_open and (execution == "NEW" or bool(order.price)),
            execution_id=self._execution_id,
        )
        return self._execution_id

    def pair(self, pair: OrderList, status_type: str, now_ms: int) -> None:
        """Something happened to an order list."""
        if pair.account_id in self._watched:
            self._journal.tell(
                pair.account_id, "spot", "listStatus", now_ms, pair=copy.copy(pair), status_type=status_type
            )

    def balances(self, account_id: int, assets: Iterable[str], now_ms: int) -> None:
        """Balances may have changed."""
        if account_id in self._watched:
            held = [self._balances.of(account_id, asset) for asset in dict.fromkeys(assets)]
            rows = [(balance.asset, balance.free, balance.locked) for balance in held]
            self._journal.tell(account_id, "spot", "outboundAccountPosition", now_ms, balances=rows)

    def change(self, account_id: int, asset: str, change: int, now_ms: int) -> None:
        """Money came or went, other than by trading."""
        self._journal.tell(account_id, "spot", "balanceUpdate", now_ms, asset=asset, change=change)
