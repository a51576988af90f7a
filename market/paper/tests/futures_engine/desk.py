"""What the tests of the futures engine share: recorded rules, quotes, orders, a ledger in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
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
from market.paper.restore import futures_state

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

    def __init__(self, state: FuturesState | None = None, ledger: MemoryLedger | None = None) -> None:
        self.journal = Journal()
        self.engine = FuturesEngine(RULES, self.journal, state)
        self.ledger = ledger or MemoryLedger()
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
        self.ledger.commit(batch)
        return batch

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the ledger."""
        self.write()
        return self.ledger.rows(sql, *values)

    def restarted(self) -> Desk:
        """A second engine, from what the ledger remembers, with a copy of it."""
        self.write()
        again = Desk(futures_state(self.ledger), self.ledger.copy())
        again.now_ms, again.quotes, again.orders = self.now_ms, dict(self.quotes), self.orders
        return again


def desk(usdt: str = "10000") -> Desk:
    """An engine where account 1 has so much, and BTC costs 100,000."""
    made = Desk()
    made.engine.deposit(1, "USDT", units(usdt), NOON)
    return made


class MemoryLedger:
    """The ledger's tables in memory, with the questions that a start asks."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        for table in (*tables.TABLES, FILLS, SETTINGS):
            self._connection.executescript(table.schema)

    def copy(self) -> MemoryLedger:
        other = MemoryLedger.__new__(MemoryLedger)
        other._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.backup(other._connection)
        return other

    def commit(self, batch: Batch) -> None:
        for table, rows in batch.rows:
            marks = ", ".join("?" * len(table.columns))
            columns = ", ".join(table.columns)
            self._connection.executemany(f"INSERT OR REPLACE INTO {table.name}({columns}) VALUES ({marks})", rows)

    def things(self, table: Table, where: str = "1", values: Iterable[object] = ()) -> list[Any]:
        sql = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {where}"
        return [table.thing(row) for row in self.rows(sql, *values)]

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        return self.rows(sql)[0]

    def next_ids(self, table: str, column: str, market: str) -> dict[str, int]:
        return dict(
            self.rows(f"SELECT symbol, max({column}) + 1 FROM {table} WHERE market = ? GROUP BY symbol", market)
        )

    def settings(self) -> dict[str, str]:
        return dict(self.things(SETTINGS))
