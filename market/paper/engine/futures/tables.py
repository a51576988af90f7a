"""Where futures are remembered. Amounts are plain decimal TEXT; columns that end in ``_e16`` are whole numbers that
count 10**-16, as TEXT because they outgrow an INTEGER.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from market.paper.engine.amounts import text, units
from market.paper.engine.futures.types import (
    AccountConfig,
    AlgoOrder,
    Countdown,
    FuturesOrder,
    Income,
    Position,
    SymbolConfig,
    Wallet,
)
from market.paper.engine.journal import Row, Table
from market.paper.engine.tables import orders_table

ORDERS = orders_table("futures", FuturesOrder)

WALLETS_SCHEMA = """
CREATE TABLE futures_wallets(account_id INTEGER NOT NULL, asset TEXT NOT NULL, balance TEXT NOT NULL,
    isolated TEXT NOT NULL, update_ms INTEGER NOT NULL, PRIMARY KEY (account_id, asset)) WITHOUT ROWID;
"""
POSITIONS_SCHEMA = """
CREATE TABLE futures_positions(account_id INTEGER NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    quantity TEXT NOT NULL, entry_price TEXT NOT NULL, cost_e16 TEXT NOT NULL, residue_e16 TEXT NOT NULL,
    paid TEXT NOT NULL, realized TEXT NOT NULL, isolated_wallet TEXT NOT NULL, update_ms INTEGER NOT NULL,
    PRIMARY KEY (account_id, symbol, side)) WITHOUT ROWID;
"""
SYMBOL_CONFIGS_SCHEMA = """
CREATE TABLE futures_symbol_configs(account_id INTEGER NOT NULL, symbol TEXT NOT NULL, leverage INTEGER NOT NULL,
    margin_type TEXT NOT NULL, PRIMARY KEY (account_id, symbol)) WITHOUT ROWID;
"""
ACCOUNT_CONFIGS_SCHEMA = """
CREATE TABLE futures_account_configs(account_id INTEGER PRIMARY KEY, hedge_mode INTEGER NOT NULL,
    multi_assets INTEGER NOT NULL, fee_burn INTEGER NOT NULL);
"""
ALGO_ORDERS_SCHEMA = """
CREATE TABLE futures_algo_orders(algo_id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
    client_algo_id TEXT NOT NULL, side TEXT NOT NULL, position_side TEXT NOT NULL, type TEXT NOT NULL,
    time_in_force TEXT NOT NULL, quantity TEXT NOT NULL, price TEXT NOT NULL, trigger_price TEXT NOT NULL,
    working_type TEXT NOT NULL, close_position INTEGER NOT NULL, price_protect INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL, activate_price TEXT NOT NULL, callback_rate TEXT NOT NULL,
    good_till_ms INTEGER NOT NULL, price_match TEXT NOT NULL, self_trade_prevention TEXT NOT NULL,
    status TEXT NOT NULL, time_ms INTEGER NOT NULL, update_ms INTEGER NOT NULL, trigger_ms INTEGER NOT NULL,
    actual_order_id INTEGER NOT NULL, actual_type TEXT NOT NULL, actual_price TEXT NOT NULL, actual_qty TEXT NOT NULL,
    reject_reason TEXT NOT NULL, is_trailing INTEGER NOT NULL, best_price TEXT NOT NULL);
CREATE INDEX futures_algo_orders_by_time ON futures_algo_orders(account_id, symbol, time_ms);
CREATE INDEX futures_algo_orders_by_client_id ON futures_algo_orders(account_id, client_algo_id);
CREATE INDEX futures_algo_orders_open ON futures_algo_orders(status) WHERE status IN ('NEW', 'TRIGGERING', 'TRIGGERED');
"""
INCOMES_SCHEMA = """
CREATE TABLE futures_incomes(tran_id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
    income_type TEXT NOT NULL, income TEXT NOT NULL, asset TEXT NOT NULL, info TEXT NOT NULL, time_ms INTEGER NOT NULL,
    trade_id INTEGER NOT NULL);
CREATE INDEX futures_incomes_by_time ON futures_incomes(account_id, time_ms);
"""
COUNTDOWNS_SCHEMA = """
CREATE TABLE futures_countdowns(account_id INTEGER NOT NULL, symbol TEXT NOT NULL, deadline_ms INTEGER NOT NULL,
    PRIMARY KEY (account_id, symbol)) WITHOUT ROWID;
"""
# What a start needs of the conditional orders.
OPEN_ALGOS = "status IN ('NEW', 'TRIGGERING', 'TRIGGERED') ORDER BY algo_id"


def _table(
    name: str, schema: str, kind: type[Any], amounts: tuple[str, ...] = (), flags: tuple[str, ...] = ()
) -> Table:
    """A table with a column for every field: ``amounts`` as decimal text, ``flags`` as 0 and 1."""
    names = tuple(field.name for field in dataclasses.fields(kind))

    def row(thing: Any) -> Row:
        values = [getattr(thing, name) for name in names]
        for place in amount_places:
            values[place] = text(values[place])
        for place in flag_places:
            values[place] = int(values[place])
        return tuple(values)

    def thing(row: Row) -> Any:
        values: list[Any] = list(row)
        for place in amount_places:
            values[place] = units(values[place])
        for place in flag_places:
            values[place] = bool(values[place])
        return kind(**dict(zip(names, values, strict=True)))

    amount_places = [names.index(each) for each in amounts]
    flag_places = [names.index(each) for each in flags]
    return Table(name, names, schema, row, thing)


POSITIONS_COLUMNS = (
    *("account_id", "symbol", "side", "quantity", "entry_price", "cost_e16", "residue_e16", "paid", "realized"),
    *("isolated_wallet", "update_ms"),
)


def _position_row(position: Position) -> Row:
    return (
        *(position.account_id, position.symbol, position.side, text(position.quantity), text(position.entry_price)),
        *(str(position.cost), str(position.residue), text(position.paid), text(position.realized)),
        *(text(position.isolated_wallet), position.update_ms),
    )


def _position(row: Row) -> Position:
    values: dict[str, Any] = dict(zip(POSITIONS_COLUMNS, row, strict=True))
    return Position(
        account_id=values["account_id"],
        symbol=values["symbol"],
        side=values["side"],
        quantity=units(values["quantity"]),
        cost=int(values["cost_e16"]),
        residue=int(values["residue_e16"]),
        paid=units(values["paid"]),
        realized=units(values["realized"]),
        isolated_wallet=units(values["isolated_wallet"]),
        update_ms=values["update_ms"],
    )


WALLETS = _table("futures_wallets", WALLETS_SCHEMA, Wallet, ("balance", "isolated"))
POSITIONS = Table("futures_positions", POSITIONS_COLUMNS, POSITIONS_SCHEMA, _position_row, _position)
SYMBOL_CONFIGS = _table("futures_symbol_configs", SYMBOL_CONFIGS_SCHEMA, SymbolConfig)
ACCOUNT_CONFIGS = _table(
    "futures_account_configs",
    ACCOUNT_CONFIGS_SCHEMA,
    AccountConfig,
    flags=("hedge_mode", "multi_assets", "fee_burn"),
)
ALGO_ORDERS = _table(
    "futures_algo_orders",
    ALGO_ORDERS_SCHEMA,
    AlgoOrder,
    amounts=(
        *("quantity", "price", "trigger_price", "activate_price", "callback_rate"),
        *("actual_price", "actual_qty", "best_price"),
    ),
    flags=("close_position", "price_protect", "reduce_only", "is_trailing"),
)
INCOMES = _table("futures_incomes", INCOMES_SCHEMA, Income, ("income",))
COUNTDOWNS = _table("futures_countdowns", COUNTDOWNS_SCHEMA, Countdown)

TABLES = (ORDERS, WALLETS, POSITIONS, SYMBOL_CONFIGS, ACCOUNT_CONFIGS, ALGO_ORDERS, INCOMES, COUNTDOWNS)
