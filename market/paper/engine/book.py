"""Resting orders: found by id and by client id, and the next one a price would reach, without walking all of them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from decimal import Decimal

from market.paper.engine.types import Order

# How many entries of orders that have left the heaps may hold, beside one for each that is there.
SLACK = 1000


class Book:
    """The open orders of one symbol, of all accounts."""

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._by_client: dict[tuple[int, str], Order] = {}
        self._by_account: dict[int, dict[int, Order]] = {}
        # Heaps hold (price key, order id); entries of orders that have left are dropped when they come up.
        self._buys: list[tuple[Decimal, int]] = []
        self._sells: list[tuple[Decimal, int]] = []

    def __len__(self) -> int:
        """How many orders rest here."""
        return len(self._orders)

    def add(self, order: Order) -> None:
        """Let an order rest."""
        self._orders[order.order_id] = order
        self._by_client[order.account_id, order.client_order_id] = order
        self._by_account.setdefault(order.account_id, {})[order.order_id] = order
        heap, entry = self._place_of(order)
        heapq.heappush(heap, entry)

    def remove(self, order: Order) -> None:
        """Forget an order that is not open any more."""
        del self._orders[order.order_id]
        del self._by_client[order.account_id, order.client_order_id]
        mine = self._by_account[order.account_id]
        del mine[order.order_id]
        if not mine:
            del self._by_account[order.account_id]
        if len(self._buys) + len(self._sells) > 2 * len(self._orders) + SLACK:
            self._sweep()

    def by_client_id(self, account_id: int, client_order_id: str) -> Order | None:
        """The account's open order of that client id, if any."""
        return self._by_client.get((account_id, client_order_id))

    def by_id(self, account_id: int, order_id: int) -> Order | None:
        """The account's open order of that id, if any; other accounts' orders do not exist for it."""
        order = self._orders.get(order_id)
        return order if order and order.account_id == account_id else None

    def of_account(self, account_id: int) -> list[Order]:
        """The account's open orders, oldest first."""
        return list(self._by_account.get(account_id, {}).values())

    def reached_by(self, price: Decimal) -> Iterator[Order]:
        """Yield the orders a trade at ``price`` fills, best price first; the caller removes each one it fills."""
        while self._buys and -self._buys[0][0] >= price:
            if order := self._orders.get(heapq.heappop(self._buys)[1]):
                yield order
        while self._sells and self._sells[0][0] <= price:
            if order := self._orders.get(heapq.heappop(self._sells)[1]):
                yield order

    def _place_of(self, order: Order) -> tuple[list[tuple[Decimal, int]], tuple[Decimal, int]]:
        if order.side == "BUY":
            return self._buys, (-order.price, order.order_id)
        return self._sells, (order.price, order.order_id)

    def _sweep(self) -> None:
        """Drop the entries of orders that have left: clients that place and cancel all day must not fill the memory."""
        self._buys.clear()
        self._sells.clear()
        for order in self._orders.values():
            heap, entry = self._place_of(order)
            heapq.heappush(heap, entry)
