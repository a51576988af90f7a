"""Tables both markets write to. An independent auditor reads them by SQL: amounts are plain decimal TEXT."""

from __future__ import annotations

import dataclasses
import json
from typing import TypeVar

import orjson

from market.paper.engine.amounts import text, units
from market.paper.engine.journal import Row, Table
from market.paper.engine.types import Account, Deposit, Fill, Market, Order

O = TypeVar("O", bound=Order)  # noqa: E741 - an order

# The symbol leads the primary keys: led by the market, SQLite would take them for orders of an account in all symbols.
ORDERS_SCHEMA = """
CREATE TABLE orders(market TEXT NOT NULL, symbol TEXT NOT NULL, order_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL, client_order_id TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL,
    time_in_force TEXT NOT NULL, status TEXT NOT NULL, price TEXT NOT NULL, orig_qty TEXT NOT NULL,
    executed_qty TEXT NOT NULL, cum_quote TEXT NOT NULL, time_ms INTEGER NOT NULL, update_ms INTEGER NOT NULL,
    details TEXT NOT NULL, PRIMARY KEY (symbol, market, order_id)) WITHOUT ROWID;
CREATE INDEX orders_by_time ON orders(account_id, market, symbol, time_ms);
CREATE INDEX orders_by_client_id ON orders(account_id, client_order_id);
CREATE INDEX orders_open ON orders(market, status) WHERE status IN ('NEW', 'PARTIALLY_FILLED');
"""
ORDERS_COLUMNS = (
    *("market", "symbol", "order_id", "account_id", "client_order_id", "side", "type", "time_in_force", "status"),
    *("price", "orig_qty", "executed_qty", "cum_quote", "time_ms", "update_ms", "details"),
)
FILLS_SCHEMA = """
CREATE TABLE fills(market TEXT NOT NULL, symbol TEXT NOT NULL, trade_id INTEGER NOT NULL, order_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL, qty TEXT NOT NULL, quote_qty TEXT NOT NULL,
    commission TEXT NOT NULL, commission_asset TEXT NOT NULL, is_maker INTEGER NOT NULL, time_ms INTEGER NOT NULL,
    realized_pnl TEXT NOT NULL, position_side TEXT NOT NULL, PRIMARY KEY (symbol, market, trade_id)) WITHOUT ROWID;
CREATE INDEX fills_by_time ON fills(account_id, market, symbol, time_ms, trade_id, order_id);
"""
FILLS_COLUMNS = (
    *("market", "symbol", "trade_id", "order_id", "account_id", "side", "price", "qty", "quote_qty", "commission"),
    *("commission_asset", "is_maker", "time_ms", "realized_pnl", "position_side"),
)
ACCOUNTS_SCHEMA = """
CREATE TABLE accounts(id INTEGER PRIMARY KEY, label TEXT NOT NULL, api_key TEXT NOT NULL UNIQUE,
    api_secret TEXT NOT NULL, created_ms INTEGER NOT NULL);
"""
DEPOSITS_SCHEMA = """
CREATE TABLE deposits(number INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, market TEXT NOT NULL,
    asset TEXT NOT NULL, amount TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE INDEX deposits_of_account ON deposits(account_id);
"""
SETTINGS_SCHEMA = "CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"


def orders_table(market: Market, kind: type[O]) -> Table:
    """The table ``orders`` as one market sees it: what ``kind`` has beyond Order is JSON in ``details``."""
    common = {each.name for each in dataclasses.fields(Order)}
    extra = [each for each in dataclasses.fields(kind) if each.name not in common]
    names, defaults = [each.name for each in extra], {each.name: each.default for each in extra}

    def row(order: O) -> Row:
        details = {name: value for name in names if (value := getattr(order, name)) != defaults[name]}
        return (
            *(market, order.symbol, order.order_id, order.account_id, order.client_order_id),
            *(order.side, order.type, order.time_in_force, order.status, text(order.price), text(order.orig_qty)),
            *(text(order.executed_qty), text(order.cum_quote), order.time_ms, order.update_ms),
            _written(details) if details else "{}",
        )

    def thing(row: Row) -> O:
        values = dict(zip(ORDERS_COLUMNS[1:15], row[1:15], strict=True))
        amounts = {name: units(str(values[name])) for name in ("price", "orig_qty", "executed_qty", "cum_quote")}
        return kind(**values | amounts | json.loads(str(row[15])))

    return Table("orders", ORDERS_COLUMNS, ORDERS_SCHEMA, row, thing)


def _written(details: dict[str, object]) -> str:
    """JSON. Amounts that outgrow 64 bits are rare, and only the slower writer (and reader) knows them."""
    try:
        return orjson.dumps(details).decode()
    except TypeError:
        return json.dumps(details)


def _fill_row(fill: Fill) -> Row:
    return (
        *(fill.market, fill.symbol, fill.trade_id, fill.order_id, fill.account_id, fill.side),
        *(text(fill.price), text(fill.qty), text(fill.quote_qty), text(fill.commission), fill.commission_asset),
        *(int(fill.is_maker), fill.time_ms, text(fill.realized_pnl), fill.position_side),
    )


def _fill(row: Row) -> Fill:
    values = dict(zip(FILLS_COLUMNS, row, strict=True))
    names = ("price", "qty", "quote_qty", "commission", "realized_pnl")
    amounts = {name: units(str(values[name])) for name in names}
    return Fill(**values | amounts | {"is_maker": bool(values["is_maker"])})  # type: ignore[arg-type]


def _deposit_row(deposit: Deposit) -> Row:
    head = (deposit.number, deposit.account_id, deposit.market, deposit.asset)
    return (*head, text(deposit.amount), deposit.at_ms)


def _deposit(row: Row) -> Deposit:
    return Deposit(*row[:4], units(str(row[4])), row[5])  # type: ignore[arg-type, call-arg]


FILLS = Table("fills", FILLS_COLUMNS, FILLS_SCHEMA, _fill_row, _fill)
ACCOUNTS = Table(
    "accounts",
    ("id", "label", "api_key", "api_secret", "created_ms"),
    ACCOUNTS_SCHEMA,
    lambda account: (account.account_id, account.label, account.api_key, account.api_secret, account.created_ms),
    lambda row: Account(*row),  # type: ignore[arg-type]
)
DEPOSITS = Table(
    "deposits",
    ("number", "account_id", "market", "asset", "amount", "at_ms"),
    DEPOSITS_SCHEMA,
    _deposit_row,
    _deposit,
)
# A setting is a pair (key, value): the replay's anchor, the status of symbols.
SETTINGS = Table("settings", ("key", "value"), SETTINGS_SCHEMA, lambda pair: pair, lambda row: row)

TABLES = (ACCOUNTS, DEPOSITS, FILLS, SETTINGS)
