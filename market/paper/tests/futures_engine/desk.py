"""What the tests of the futures engine share: recorded rules, quotes, orders, a ledger in memory."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from typing import Any

from market.paper.engine.amounts import SCALE, units
from market.paper.engine.futures import tables
from market.paper.engine.futures.engine import FuturesEngine
from market.paper.engine.futures.rules import futures_rules_of
from market.paper.engine.futures.types import FuturesState, NewAlgoOrder, NewFuturesOrder
from market.paper.engine.journal import Batch, Journal, News, Table
from market.paper.engine.tables import FILLS, SETTINGS
from market.paper.engine.types import Quote
from market.paper.prices.recording import DATA

_INFO = json.loads((DATA / "futures_exchange_info.json").read_text())["symbols"]
_BRACKETS = {
    row["symbol"]: row["brackets"] for row in json.loads((DATA / "futures_leverage_brackets.json").read_text())
}
RULES = {entry["symbol"]: futures_rules_of(entry, _BRACKETS[entry["symbol"]]) for entry in _INFO}

NOON = 1_748_260_800_000
BTC, ETH = "BTCUSDT", "ETHUSDT"


def quote(last: str | int, step: int = 1, *, mark: str | int | None = None, **changes: Any) -> Quote:
    """A market with a spread of two tenths, 10 levels of 5, the mark price at the last."""
    price = _amount(last)
    tick = units("0.1")
    values = {
        "step": step,
        "last": price,
        "bid": price - tick,
        "ask": price + tick,
        "average": price,
        "gap": tick,
        "level_qty": 5 * SCALE,
        "levels": 10,
        "mark": _amount(mark) if mark else price,
        "index": price,
    }
    return Quote(**(values | changes))


def _amount(given: str | int) -> int:
    return given if isinstance(given, int) else units(given)


class Desk:
    """An engine with its journal, a ledger in memory, one clock and the last quote of every symbol."""

    def __init__(self, state: FuturesState | None = None, ledger: sqlite3.Connection | None = None) -> None:
        self.journal = Journal()
        self.engine = FuturesEngine(RULES, self.journal, state)
        self.ledger = ledger or new_ledger()
        self.now_ms = NOON
        self.quotes = {BTC: quote("100000"), ETH: quote("4000", step=1)}
        self.orders = 0

    def market(self, last: str, symbol: str = BTC, **changes: Any) -> list[Any]:
        """The next step of a symbol's market."""
        self.now_ms += 1000
        self.quotes[symbol] = quote(last, self.quotes[symbol].step + 1, **changes)
        return self.engine.on_quote(symbol, self.quotes[symbol], self.now_ms)

    def place(
        self, side: str = "BUY", quantity: str | int = "0.1", price: str | int | None = None, **changes: Any
    ) -> Any:
        """Place an order, at market unless there is a price; return it."""
        return self.engine.place(*self.order(side, quantity, price, **changes))[0]

    def order(
        self, side: str = "BUY", quantity: str | int = "0.1", price: str | int | None = None, **changes: Any
    ) -> Any:
        """What ``place`` of the engine wants."""
        self.orders += 1
        values: dict[str, Any] = {
            "account_id": 1,
            "symbol": BTC,
            "side": side,
            "type": "LIMIT" if price else "MARKET",
            "client_order_id": f"c{self.orders}",
            "quantity": _amount(quantity),
            "price": _amount(price) if price else None,
        } | changes
        new = NewFuturesOrder(**values)
        return new, self.quotes[new.symbol], self.now_ms

    def algo(self, kind: str, side: str, trigger: str | None = None, **changes: Any) -> Any:
        """Place a conditional order of 0.1 unless told otherwise; amounts as text."""
        self.orders += 1
        values: dict[str, Any] = {
            "account_id": 1,
            "symbol": BTC,
            "side": side,
            "type": kind,
            "client_algo_id": f"a{self.orders}",
            "quantity": "0.1",
            "trigger_price": trigger,
        } | changes
        for name in ("quantity", "price", "trigger_price", "activate_price", "callback_rate"):
            if isinstance(values.get(name), str):
                values[name] = units(values[name])
        new = NewAlgoOrder(**values)
        return self.engine.place_algo(new, self.quotes[new.symbol], self.now_ms)

    def wallet(self, asset: str = "USDT", account_id: int = 1) -> Decimal:
        """The wallet balance."""
        views = {view.asset: view for view in self.engine.assets(account_id)}
        return Decimal(views[asset].wallet_balance) / SCALE

    def asset(self, name: str, account_id: int = 1) -> Decimal:
        """One figure of the account's USDT."""
        views = {view.asset: view for view in self.engine.assets(account_id)}
        return Decimal(getattr(views["USDT"], name)) / SCALE

    def position(self, name: str = "quantity", side: str = "BOTH", symbol: str = BTC, account_id: int = 1) -> Any:
        """One figure of a position."""
        views = {view.side: view for view in self.engine.positions(account_id, symbol)}
        return Decimal(getattr(views[side], name)) / SCALE

    def news(self, kind: str | None = None) -> list[News]:
        """Write down what has happened, and return what the user stream tells of it."""
        return [each for each in self.write().news if kind in (None, each.kind)]

    def write(self) -> Batch:
        """Let the ledger have what has changed."""
        batch = self.journal.take()
        for table, rows in batch.rows:
            marks = ", ".join("?" * len(table.columns))
            columns = ", ".join(table.columns)
            self.ledger.executemany(f"INSERT OR REPLACE INTO {table.name}({columns}) VALUES ({marks})", rows)
        return batch

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the ledger."""
        self.write()
        return self.ledger.execute(sql, values).fetchall()

    def restarted(self) -> Desk:
        """A second engine, from what the ledger remembers."""
        self.write()
        again = Desk(remembered(self.ledger), self.ledger)
        again.now_ms, again.quotes, again.orders = self.now_ms, dict(self.quotes), self.orders
        return again


def desk(usdt: str = "10000") -> Desk:
    """An engine where account 1 has so much, and BTC costs 100,000."""
    made = Desk()
    made.engine.deposit(1, "USDT", units(usdt), NOON)
    return made


def new_ledger() -> sqlite3.Connection:
    """The tables as the real ledger has them."""
    ledger = sqlite3.connect(":memory:")
    for table in (*tables.TABLES, FILLS, SETTINGS):
        ledger.executescript(table.schema)
    return ledger


def remembered(ledger: sqlite3.Connection) -> FuturesState:
    """What a start reads."""

    def things(table: Table, where: str = "1") -> list[Any]:
        columns = ", ".join(table.columns)
        return [table.thing(row) for row in ledger.execute(f"SELECT {columns} FROM {table.name} WHERE {where}")]

    def after(table: str, column: str) -> dict[str, int]:
        return dict(ledger.execute(f"SELECT symbol, max({column}) + 1 FROM {table} GROUP BY symbol"))

    start = "status:futures:"
    return FuturesState(
        wallets=things(tables.WALLETS),
        positions=things(tables.POSITIONS),
        symbol_configs=things(tables.SYMBOL_CONFIGS),
        account_configs=things(tables.ACCOUNT_CONFIGS),
        open_orders=things(tables.ORDERS, "status IN ('NEW', 'PARTIALLY_FILLED') ORDER BY order_id"),
        open_algos=things(tables.ALGO_ORDERS, tables.OPEN_ALGOS),
        countdowns=things(tables.COUNTDOWNS),
        statuses={key.removeprefix(start): value for key, value in things(SETTINGS) if key.startswith(start)},
        next_order_ids=after("orders", "order_id"),
        next_trade_ids=after("fills", "trade_id"),
        next_algo_id=ledger.execute("SELECT coalesce(max(algo_id) + 1, 0) FROM futures_algo_orders").fetchone()[0],
        next_tran_id=ledger.execute("SELECT coalesce(max(tran_id) + 1, 0) FROM futures_incomes").fetchone()[0],
    )
