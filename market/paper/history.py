"""Questions about the past, answered from the ledger: orders and fills that memory has let go."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from market.paper.engine.journal import Table
from market.paper.engine.tables import FILLS
from market.paper.engine.types import Fill, Market, Order
from market.paper.ledger import Ledger

# Futures tell of orders that ended unfilled for a few days only. ``filled`` is the column of what was filled.
UNFILLED_SINCE = "(time_ms >= ? OR status NOT IN ('CANCELED', 'EXPIRED') OR {filled} <> '0.00000000')"
UNFILLED_ORDERS_SINCE = UNFILLED_SINCE.format(filled="executed_qty")
# Together with the index by time: the fills of an order lie between its first and its last moment.
OF_ORDER = """order_id = ?
    AND time_ms >= (SELECT time_ms FROM orders WHERE market = ? AND symbol = ? AND order_id = ?)
    AND time_ms <= (SELECT update_ms FROM orders WHERE market = ? AND symbol = ? AND order_id = ?)"""
FROM = """time_ms >= (
    SELECT time_ms FROM {table} WHERE market = ? AND symbol = ? AND {number} >= ? ORDER BY {number} LIMIT 1)"""

O = TypeVar("O", bound=Order)  # noqa: E741 - an order


class History(Generic[O]):
    """Reads one market's committed past. Callers flush first: nobody may see what could still be lost."""

    def __init__(self, ledger: Ledger, market: Market, orders: Table) -> None:
        self._ledger = ledger
        self._market = market
        self._orders = orders

    def order_by_id(self, account_id: int, symbol: str, order_id: int, **since: int) -> O | None:
        """The order of that id, if it is the account's; ``start_ms`` and ``unfilled_since_ms`` as in ``orders``."""
        where = "market = ? AND symbol = ? AND order_id = ? AND account_id = ?"
        return self._newest(where, [self._market, symbol, order_id, account_id], since)

    def order_by_client_id(self, account_id: int, symbol: str, client_order_id: str, **since: int) -> O | None:
        """The newest order of that client id: ids may be used again once their order is closed."""
        where = "account_id = ? AND client_order_id = ? AND market = ? AND symbol = ?"
        return self._newest(where, [account_id, client_order_id, self._market, symbol], since)

    def orders(self, account_id: int, symbol: str | None, **bounds: int | None) -> list[O]:
        """Orders oldest first, within ``from_id``, ``start_ms``, ``end_ms`` and ``limit``.

        From an id or a start on these are the oldest ``limit``, otherwise the newest. With ``unfilled_since_ms`` older
        orders that ended without a fill are left out.
        """
        found: list[O] = self._page(self._orders, "order_id", account_id, symbol, None, bounds)
        return found

    def fills(
        self, account_id: int, symbol: str | None, *, order_id: int | None = None, **bounds: int | None
    ) -> list[Fill]:
        """Fills oldest first, of one order or all; the bounds are those of ``orders``."""
        return self._page(FILLS, "trade_id", account_id, symbol, order_id, bounds)

    def count_fills(self) -> int:
        """How many fills the market has seen. Their numbers have no gaps within a symbol."""
        first = "SELECT min(trade_id) FROM fills WHERE market = ? AND symbol = ?"
        following = self._ledger.next_ids("fills", "trade_id", self._market)
        return sum(number - int(str(self._ledger.row(first, self._market, s)[0])) for s, number in following.items())

    def _newest(self, where: str, values: list[Any], since: dict[str, int]) -> O | None:
        for name, sql in (("start_ms", "time_ms >= ?"), ("unfilled_since_ms", UNFILLED_ORDERS_SINCE)):
            if name in since:
                where, values = f"{where} AND {sql}", [*values, since[name]]
        found = self._ledger.things(self._orders, f"{where} ORDER BY order_id DESC LIMIT 1", values)
        return found[0] if found else None

    def _page(
        self,
        table: Table,
        number: str,
        account_id: int,
        symbol: str | None,
        order_id: int | None,
        bounds: dict[str, int | None],
    ) -> list[Any]:
        from_id, start_ms = bounds.get("from_id"), bounds.get("start_ms")
        parts: list[tuple[str, Any]] = [
            ("account_id = ?", account_id),
            ("market = ?", self._market),
            ("symbol = ?", symbol),
            (f"{number} >= ?", from_id),
            ("time_ms >= ?", start_ms),
            ("time_ms <= ?", bounds.get("end_ms")),
            (UNFILLED_ORDERS_SINCE, bounds.get("unfilled_since_ms")),
        ]
        asked = [(sql, [value]) for sql, value in parts if value is not None]
        # The index is by time, and numbers and times of a symbol rise together: an id is first turned into its time.
        if from_id is not None and symbol is not None:
            asked.append((FROM.format(table=table.name, number=number), [self._market, symbol, from_id]))
        if order_id is not None:
            asked.append((OF_ORDER, [order_id, *([self._market, symbol, order_id] * 2)]))
        way = "DESC" if from_id is None and start_ms is None else "ASC"
        where = f"{' AND '.join(sql for sql, _ in asked)} ORDER BY time_ms {way}, {number} {way} LIMIT ?"
        values = [value for _, several in asked for value in several]
        found = self._ledger.things(table, where, [*values, bounds.get("limit") or 500])
        return found if way == "ASC" else found[::-1]
