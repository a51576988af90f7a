"""Resting orders: found by id and by client id, and the next one a price would reach, without walking all of them."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

from market.paper.engine.types import Order

# How many entries of orders that have left the heaps may hold, beside one for each that is there.
SLACK = 1000

O = TypeVar("O", bound=Order)  # noqa: E741 - an order
Heap = list[tuple[int, int]]


class Book(Generic[O]):
    """The open orders of one symbol, of all accounts. Those that wait for a trigger are here too."""

    def __init__(self) -> None:
        self._orders: dict[int, O] = {}
        self._by_client: dict[tuple[int, str], O] = {}
        self._by_account: dict[int, dict[int, O]] = {}
        self._limits: set[int] = set()
        # Heaps hold (price key, order id); entries of orders that have left are dropped when they come up.
        self._buys: Heap = []
        self._sells: Heap = []

    def __len__(self) -> int:
        """How many orders are open here."""
        return len(self._orders)

    @property
    def rests(self) -> bool:
        """True when there is a resting order that a price could fill."""
        return bool(self._limits)

    def add(self, order: O, *, working: bool = True) -> None:
        """Let an order be open; a working one rests at its price, another waits to be made working."""
        self._orders[order.order_id] = order
        self._by_client[order.account_id, order.client_order_id] = order
        self._by_account.setdefault(order.account_id, {})[order.order_id] = order
        if working:
            self.rest(order)

    def rest(self, order: O) -> None:
        """Let an open order rest at its price, to be filled by prices."""
        assert order.price > 0, f"order {order.order_id} has no price to rest at"
        self._limits.add(order.order_id)
        heap, entry = self._place_of(order)
        heapq.heappush(heap, entry)

    def park(self, order: O) -> None:
        """Let a resting order be reached by no price until it is told to ``rest`` again."""
        self._limits.discard(order.order_id)

    def is_resting(self, order: O) -> bool:
        """True when a price could fill the order."""
        return order.order_id in self._limits

    def remove(self, order: O) -> None:
        """Forget an order that is not open any more."""
        del self._orders[order.order_id]
        del self._by_client[order.account_id, order.client_order_id]
        self._limits.discard(order.order_id)
        mine = self._by_account[order.account_id]
        del mine[order.order_id]
        if not mine:
            del self._by_account[order.account_id]
        if len(self._buys) + len(self._sells) > 2 * len(self._limits) + SLACK:
            self._sweep()

    def rename(self, order: O, client_order_id: str) -> None:
        """Give an open order another client id."""
        del self._by_client[order.account_id, order.client_order_id]
        order.client_order_id = client_order_id
        self._by_client[order.account_id, client_order_id] = order

    def by_client_id(self, account_id: int, client_order_id: str) -> O | None:
        """The account's open order of that client id, if any."""
        return self._by_client.get((account_id, client_order_id))

    def by_id(self, account_id: int, order_id: int) -> O | None:
        """The account's open order of that id, if any; other accounts' orders do not exist for it."""
        order = self._orders.get(order_id)
        return order if order and order.account_id == account_id else None

    def of_account(self, account_id: int) -> list[O]:
        """The account's open orders, oldest first."""
        return list(self._by_account.get(account_id, {}).values())

    def everything(self) -> list[O]:
        """Every open order, oldest first."""
        return list(self._orders.values())

    def count_of(self, account_id: int) -> int:
        """How many orders the account has open here."""
        return len(self._by_account.get(account_id, ()))

    def best_buy(self) -> O | None:
        """The resting buy order a falling price reaches first."""
        return self._best(self._buys)

    def best_sell(self) -> O | None:
        """The resting sell order a rising price reaches first."""
        return self._best(self._sells)

    def _best(self, heap: Heap) -> O | None:
        while heap:
            key, number = heap[0]
            if number in self._limits and abs(key) == self._orders[number].price:
                return self._orders[number]
            heapq.heappop(heap)  # the order has left, or was given another price
        return None

    def _place_of(self, order: O) -> tuple[Heap, tuple[int, int]]:
        if order.side == "BUY":
            return self._buys, (-order.price, order.order_id)
        return self._sells, (order.price, order.order_id)

    def _sweep(self) -> None:
        """Drop the entries of orders that have left: clients that place and cancel all day must not fill the memory."""
        self._buys.clear()
        self._sells.clear()
        for number in self._limits:
            heap, entry = self._place_of(self._orders[number])
            heapq.heappush(heap, entry)
