"""Questions about the past, answered from the ledger: orders and fills that memory has let go."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from market.paper.engine.types import Fill, Order
from market.paper.ledger import ORDER_COLUMNS, order_of

FILL_COLUMNS = (
    "trade_id, order_id, account_id, symbol, side, price, qty, quote_qty, commission, commission_asset, "
    "is_maker, time_ms"
)


class History:
    """Reads the committed past. Callers wait for pending commits first: nobody may see what could still be lost."""

    def __init__(self, reader: sqlite3.Connection) -> None:
        self._reader = reader

    def order_by_id(self, account_id: int, symbol: str, order_id: int) -> Order | None:
        """The order of that id, if it is the account's and of that symbol."""
        return self._order("order_id = ? AND account_id = ? AND symbol = ?", order_id, account_id, symbol)

    def order_by_client_id(self, account_id: int, symbol: str, client_order_id: str) -> Order | None:
        """The newest order of that client id: ids may be used again once their order is closed."""
        return self._order("account_id = ? AND symbol = ? AND client_order_id = ?", account_id, symbol, client_order_id)

    def orders(
        self,
        account_id: int,
        symbol: str,
        *,
        from_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> list[Order]:
        """Orders oldest first: from an id or a start on the oldest ``limit``, otherwise the newest."""
        where, values = _bounds("order_id", from_id, start_ms, end_ms)
        newest = from_id is None and start_ms is None
        rows = self._reader.execute(
            f"SELECT {ORDER_COLUMNS} FROM orders WHERE account_id = ? AND symbol = ?{where} "  # noqa: S608
            f"ORDER BY order_id {'DESC' if newest else 'ASC'} LIMIT ?",
            (account_id, symbol, *values, limit),
        ).fetchall()
        return [order_of(row) for row in (reversed(rows) if newest else rows)]

    def fills(
        self,
        account_id: int,
        symbol: str,
        *,
        order_id: int | None,
        from_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> list[Fill]:
        """Fills oldest first: from an id or a start on the oldest ``limit``, otherwise the newest."""
        where, values = _bounds("trade_id", from_id, start_ms, end_ms)
        if order_id is not None:
            where, values = f"{where} AND order_id = ?", [*values, order_id]
        newest = from_id is None and start_ms is None
        rows = self._reader.execute(
            f"SELECT {FILL_COLUMNS} FROM fills WHERE account_id = ? AND symbol = ?{where} "  # noqa: S608
            f"ORDER BY trade_id {'DESC' if newest else 'ASC'} LIMIT ?",
            (account_id, symbol, *values, limit),
        ).fetchall()
        return [fill_of(row) for row in (reversed(rows) if newest else rows)]

    def count_fills(self) -> int:
        """How many fills the ledger holds."""
        return int(self._reader.execute("SELECT count(*) FROM fills").fetchone()[0])

    def _order(self, where: str, *values: object) -> Order | None:
        row = self._reader.execute(
            f"SELECT {ORDER_COLUMNS} FROM orders WHERE {where} ORDER BY order_id DESC LIMIT 1",  # noqa: S608
            values,
        ).fetchone()
        return order_of(row) if row else None


def fill_of(row: tuple[object, ...]) -> Fill:
    """A fill from a row of ``FILL_COLUMNS``."""
    amounts = [Decimal(str(text)) for text in row[5:9]]
    return Fill(*row[:5], *amounts, row[9], bool(row[10]), row[11])  # type: ignore[arg-type, call-arg]


def _bounds(id_column: str, from_id: int | None, start_ms: int | None, end_ms: int | None) -> tuple[str, list[object]]:
    parts = [(f"{id_column} >= ?", from_id), ("time_ms >= ?", start_ms), ("time_ms <= ?", end_ms)]
    asked = [(sql, value) for sql, value in parts if value is not None]
    return "".join(f" AND {sql}" for sql, _ in asked), [value for _, value in asked]
