"""The open order lists of all accounts."""

from __future__ import annotations

from market.paper.engine.spot.types import OrderList


class Lists:
    """Finds open order lists by id, by client id and by account."""

    def __init__(self) -> None:
        self._lists: dict[int, OrderList] = {}
        self._by_account: dict[int, dict[int, OrderList]] = {}

    def add(self, pair: OrderList) -> None:
        """Let a list be open."""
        self._lists[pair.order_list_id] = pair
        self._by_account.setdefault(pair.account_id, {})[pair.order_list_id] = pair

    def remove(self, pair: OrderList) -> None:
        """Forget a list that is done."""
        del self._lists[pair.order_list_id]
        mine = self._by_account[pair.account_id]
        del mine[pair.order_list_id]
        if not mine:
            del self._by_account[pair.account_id]

    def get(self, order_list_id: int) -> OrderList | None:
        """The open list of that id, if any."""
        return self._lists.get(order_list_id)

    def by_id(self, account_id: int, order_list_id: int) -> OrderList | None:
        """The account's open list of that id, if any."""
        return self._by_account.get(account_id, {}).get(order_list_id)

    def by_client_id(self, account_id: int, client_order_id: str) -> OrderList | None:
        """The account's open list of that client id, if any."""
        mine = self._by_account.get(account_id, {}).values()
        return next((pair for pair in mine if pair.client_order_id == client_order_id), None)

    def of_account(self, account_id: int, symbol: str | None = None) -> list[OrderList]:
        """The account's open lists, of one symbol or all, oldest first."""
        mine = self._by_account.get(account_id, {}).values()
        return [pair for pair in mine if symbol is None or pair.symbol == symbol]

    def everything(self) -> list[OrderList]:
        """Every open list, oldest first."""
        return list(self._lists.values())
