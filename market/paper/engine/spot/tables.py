"""Where spot is remembered."""

from __future__ import annotations

from market.paper.engine.amounts import text, units
from market.paper.engine.journal import Row, Table
from market.paper.engine.spot.types import Balance, OrderList, SpotOrder
from market.paper.engine.tables import orders_table

BALANCES_SCHEMA = """
CREATE TABLE balances(account_id INTEGER NOT NULL, asset TEXT NOT NULL, free TEXT NOT NULL, locked TEXT NOT NULL,
    PRIMARY KEY (account_id, asset)) WITHOUT ROWID;
"""
ORDER_LISTS_SCHEMA = """
CREATE TABLE order_lists(order_list_id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
    client_order_id TEXT NOT NULL, first_order_id INTEGER NOT NULL, second_order_id INTEGER NOT NULL,
    first_client_id TEXT NOT NULL, second_client_id TEXT NOT NULL, status TEXT NOT NULL, time_ms INTEGER NOT NULL,
    update_ms INTEGER NOT NULL);
CREATE INDEX order_lists_by_time ON order_lists(account_id, time_ms);
CREATE INDEX order_lists_open ON order_lists(status) WHERE status = 'EXECUTING';
"""
ORDER_LISTS_COLUMNS = (
    *("order_list_id", "account_id", "symbol", "client_order_id", "first_order_id", "second_order_id"),
    *("first_client_id", "second_client_id", "status", "time_ms", "update_ms"),
)


def _balance(row: Row) -> Balance:
    return Balance(int(str(row[0])), str(row[1]), units(str(row[2])), units(str(row[3])))


def _list_row(pair: OrderList) -> Row:
    head = (pair.order_list_id, pair.account_id, pair.symbol, pair.client_order_id)
    return (*head, *pair.order_ids, *pair.client_ids, pair.status, pair.time_ms, pair.update_ms)


def _list(row: Row) -> OrderList:
    return OrderList(*row[:4], (row[4], row[5]), (row[6], row[7]), *row[8:])  # type: ignore[call-arg, arg-type]


ORDERS = orders_table("spot", SpotOrder)
BALANCES = Table(
    "balances",
    ("account_id", "asset", "free", "locked"),
    BALANCES_SCHEMA,
    lambda balance: (balance.account_id, balance.asset, text(balance.free), text(balance.locked)),
    _balance,
)
ORDER_LISTS = Table("order_lists", ORDER_LISTS_COLUMNS, ORDER_LISTS_SCHEMA, _list_row, _list)

TABLES = (ORDERS, BALANCES, ORDER_LISTS)
