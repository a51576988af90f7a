"""Questions about the past, answered from the ledger: orders and fills that memory has let go."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from market.paper.engine.journal import Table
from market.paper.engine.tables import FILLS
from market.paper.engine.types import Fill, Market, Order
from market.paper.ledger import Ledger

# Futures tell of orders that ended unfilled for a few days only.
UNFILLED_SINCE = "(time_ms >= ? OR status NOT IN ('CANCELED', 'EXPIRED') OR executed_qty <> '0.00000000')"

O = TypeVar("O", bound=Order)  # noqa: E741 - an order


class History(Generic[O]):
    """Reads one market's committed past. Callers flush first: nobody may see what could still be lost."""

    def __init__(self, ledger: Ledger, market: Market, orders: Table) -> None:
        self._ledger = ledger
        self._market = market
        self._orders = orders

    def order_by_id(self, account_id: int, symbol: str, order_id: int) -> O | None:
        """The order of that id, if it is the account's."""
        where = "market = ? AND symbol = ? AND order_id = ? AND account_id = ?"
        return self._first(where, self._market, symbol, order_id, account_id)

    def order_by_client_id(self, account_id: int, symbol: str, client_order_id: str) -> O | None:
        """The newest order of that client id: ids may be used again once their order is closed."""
        where = "account_id = ? AND client_order_id = ? AND market = ? AND symbol = ? ORDER BY order_id DESC"
        return self._first(where, account_id, client_order_id, self._market, symbol)

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
        """How many fills the market has seen."""
        return int(str(self._ledger.row("SELECT count(*) FROM fills WHERE market = ?", self._market)[0]))

    def _first(self, where: str, *values: object) -> O | None:
        found = self._ledger.things(self._orders, f"{where} LIMIT 1", values)
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
        parts = [
            ("account_id = ?", account_id),
            ("market = ?", self._market),
            ("symbol = ?", symbol),
            ("order_id = ?", order_id),
            (f"{number} >= ?", bounds.get("from_id")),
            ("time_ms >= ?", bounds.get("start_ms")),
            ("time_ms <= ?", bounds.get("end_ms")),
            (UNFILLED_SINCE, bounds.get("unfilled_since_ms")),
        ]
        asked = [(sql, value) for sql, value in parts if value is not None]
        oldest = bounds.get("from_id") is not None or bounds.get("start_ms") is not None
        way = "ASC" if oldest else "DESC"
        # By time first, because the index is; numbers and times rise together.
        where = f"{' AND '.join(sql for sql, _ in asked)} ORDER BY time_ms {way}, {number} {way} LIMIT ?"
        found = self._ledger.things(table, where, [*(value for _, value in asked), bounds.get("limit") or 500])
        return found if oldest else found[::-1]
