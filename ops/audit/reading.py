"""One consistent look at each of the two databases, as plain rows."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from ops.audit import position_books, transfer_books
from ops.audit.position_books import PositionBooks

OUR_PREFIX = "tb-%"  # the mark of our orders at the exchange
Row = dict[str, Any]
FillKey = tuple[str, int]  # client order id, the exchange's trade id: alone it is unique per market and symbol only


@dataclass(frozen=True)
class Ledger:
    """What the exchange remembers: our orders, their fills, and what each account was given and holds on spot."""

    orders: list[Row]
    conditionals: list[str]  # client ids of our conditional orders on futures, which may have become orders since
    fills: dict[FillKey, Row]
    deposits: dict[tuple[int, str], Decimal]
    balances: dict[tuple[int, str], Decimal]
    transfers: dict[int, Row]  # between wallets, which the deposits have too; by the exchange's transaction id
    strangers: set[int]  # accounts that also trade spot without us, whose balances prove nothing


@dataclass(frozen=True)
class Books:
    """What we remember."""

    orders: dict[str, Row]  # by client order id
    fills: dict[FillKey, Row]
    positions: PositionBooks
    transfers: list[Row]
    news: list[Row]  # of orders that were filled, or of which an event says so: how much, and how much was told


def read_ledger(path: Path) -> Ledger:
    """One consistent look at the exchange's own file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        orders = connection.execute("SELECT * FROM orders WHERE client_order_id LIKE ?", [OUR_PREFIX])
        ours = [dict(row) for row in orders]
        conditionals = connection.execute(
            "SELECT client_algo_id FROM futures_algo_orders WHERE client_algo_id LIKE ?", [OUR_PREFIX]
        ).fetchall()
        fills = connection.execute(
            "SELECT f.*, o.client_order_id FROM fills f JOIN orders o USING (market, symbol, order_id)"
            " WHERE client_order_id LIKE ?",
            [OUR_PREFIX],
        )
        deposits: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        for row in connection.execute("SELECT account_id, asset, amount FROM deposits WHERE market = 'spot'"):
            deposits[row["account_id"], row["asset"]] += Decimal(row["amount"])
        balances = {
            (row["account_id"], row["asset"]): Decimal(row["free"]) + Decimal(row["locked"])
            for row in connection.execute("SELECT * FROM balances")
        }
        others = connection.execute(
            "SELECT DISTINCT account_id FROM orders WHERE market = 'spot' AND client_order_id NOT LIKE ?", [OUR_PREFIX]
        )
        return Ledger(
            orders=ours,
            conditionals=[row["client_algo_id"] for row in conditionals],
            fills={(row["client_order_id"], row["trade_id"]): dict(row) for row in fills},
            deposits=dict(deposits),
            balances=balances,
            transfers=transfer_books.read_theirs(connection),
            strangers={row["account_id"] for row in others},
        )


ORDERS_SQL = """
    SELECT o.client_order_id, o.status, o.position_id, o.signal_key FROM trades_order o
      JOIN market_exchangeaccount a ON a.id = (SELECT account_id FROM trades_position p WHERE p.id = o.position_id)
     WHERE a.environment = 'paper'
"""
FILLS_SQL = """
    SELECT o.client_order_id, f.exchange_trade_id, f.symbol, o.side, f.price, f.quantity AS qty,
           f.quote_quantity AS quote_qty, f.commission, f.commission_asset, p.base_asset, p.quote_asset, a.market
      FROM trades_fill f JOIN trades_order o ON o.id = f.order_id JOIN trades_position p ON p.id = o.position_id
      JOIN market_exchangeaccount a ON a.id = p.account_id
     WHERE a.environment = 'paper' AND o.client_order_id LIKE 'tb-%'
"""
NEWS_SQL = """
    SELECT o.client_order_id, o.filled_quantity, e.told FROM trades_order o
      JOIN trades_position p ON p.id = o.position_id JOIN market_exchangeaccount a ON a.id = p.account_id
      LEFT JOIN (SELECT order_id, max((data ->> 'quantity')::numeric) AS told
                   FROM trades_event WHERE kind = 'order_filled' GROUP BY order_id) e ON e.order_id = o.id
     WHERE a.environment = 'paper' AND (o.filled_quantity > 0 OR e.told IS NOT NULL)
"""


def read_books(database: Mapping[str, Any]) -> Books:
    """One consistent look at our own books."""
    with psycopg.connect(**database, row_factory=psycopg.rows.dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        orders = connection.execute(ORDERS_SQL).fetchall()
        fills = connection.execute(FILLS_SQL).fetchall()
        positions = position_books.read(connection)
        news = connection.execute(NEWS_SQL).fetchall()
        transfers = connection.execute(transfer_books.OURS_SQL).fetchall()
    return Books(
        orders={row["client_order_id"]: row for row in orders},
        fills={(row["client_order_id"], row["exchange_trade_id"]): row for row in fills},
        positions=positions,
        transfers=transfers,
        news=news,
    )
