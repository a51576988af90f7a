"""The exchange's memory: one SQLite file (WAL, synchronous=FULL). An independent auditor reads these tables by SQL.

Amounts are plain decimal TEXT, moments are milliseconds since the epoch.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import IO

from market.paper.engine.effects import Effects
from market.paper.engine.engine import FIRST_ORDER_ID, FIRST_TRADE_ID, State
from market.paper.engine.types import Account, Balance, Order

VERSION = 1

SCHEMA = """
CREATE TABLE accounts(id INTEGER PRIMARY KEY, label TEXT NOT NULL, api_key TEXT NOT NULL UNIQUE,
    api_secret TEXT NOT NULL, created_ms INTEGER NOT NULL);
CREATE TABLE deposits(account_id INTEGER NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE TABLE balances(account_id INTEGER NOT NULL, asset TEXT NOT NULL, free TEXT NOT NULL, locked TEXT NOT NULL,
    PRIMARY KEY (account_id, asset)) WITHOUT ROWID;
CREATE TABLE orders(order_id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
    client_order_id TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL, time_in_force TEXT NOT NULL,
    status TEXT NOT NULL, price TEXT NOT NULL, orig_qty TEXT NOT NULL, orig_quote_order_qty TEXT NOT NULL,
    executed_qty TEXT NOT NULL, cummulative_quote_qty TEXT NOT NULL, time_ms INTEGER NOT NULL,
    update_ms INTEGER NOT NULL);
CREATE INDEX orders_of_account ON orders(account_id, symbol, order_id);
CREATE INDEX orders_by_time ON orders(account_id, symbol, time_ms);
CREATE INDEX orders_by_client_id ON orders(account_id, client_order_id);
CREATE INDEX orders_open ON orders(status) WHERE status IN ('NEW', 'PARTIALLY_FILLED');
CREATE TABLE fills(trade_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, account_id INTEGER NOT NULL,
    symbol TEXT NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL, qty TEXT NOT NULL, quote_qty TEXT NOT NULL,
    commission TEXT NOT NULL, commission_asset TEXT NOT NULL, is_maker INTEGER NOT NULL, time_ms INTEGER NOT NULL);
CREATE INDEX fills_of_account ON fills(account_id, symbol, trade_id);
CREATE INDEX fills_by_time ON fills(account_id, symbol, time_ms);
CREATE INDEX fills_of_order ON fills(order_id);
CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

ORDER_COLUMNS = (
    "order_id, account_id, symbol, client_order_id, side, type, time_in_force, status, price, orig_qty, "
    "orig_quote_order_qty, executed_qty, cummulative_quote_qty, time_ms, update_ms"
)


class LedgerUnusable(Exception):
    """The ledger cannot be used; the text is one line that says what to do."""


class Ledger:
    """The open ledger of this process. A lock file beside it keeps every second process out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
            self._writer = _connect(path)
            _prepare(self._writer, path)
        except (OSError, sqlite3.Error) as error:
            raise LedgerUnusable(
                f"ledger {path} cannot be used ({error}): move the file away or choose another with --ledger"
            ) from error
        self.reader = _connect(path)
        self.reader.execute("PRAGMA query_only=ON")

    def close(self) -> None:
        """Close the files; the lock goes with them."""
        self.reader.close()
        self._writer.close()
        self._lock.close()

    def commit(self, effects: Effects) -> None:
        """Write everything in one transaction, on disk when this returns. May run in a thread of its own."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            for sql, rows in _statements(effects):
                if rows:
                    self._writer.executemany(sql, rows)
            self._writer.execute("COMMIT")
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise

    def state(self) -> State:
        """What the engine starts from."""
        read = self.reader.execute
        balances = [
            Balance(account_id, asset, Decimal(free), Decimal(locked))
            for account_id, asset, free, locked in read("SELECT account_id, asset, free, locked FROM balances")
        ]
        live = read(
            f"SELECT {ORDER_COLUMNS} FROM orders WHERE status IN ('NEW', 'PARTIALLY_FILLED') ORDER BY order_id"  # noqa: S608
        )
        (last_order,) = read("SELECT max(order_id) FROM orders").fetchone()
        (last_trade,) = read("SELECT max(trade_id) FROM fills").fetchone()
        return State(
            balances=balances,
            open_orders=[order_of(row) for row in live],
            statuses={key[7:]: value for key, value in self.settings().items() if key.startswith("status:")},
            next_order_id=last_order + 1 if last_order else FIRST_ORDER_ID,
            next_trade_id=last_trade + 1 if last_trade else FIRST_TRADE_ID,
        )

    def accounts(self) -> list[Account]:
        """Every account, oldest first."""
        rows = self.reader.execute("SELECT id, label, api_key, api_secret, created_ms FROM accounts ORDER BY id")
        return [Account(*row) for row in rows]

    def settings(self) -> dict[str, str]:
        """Everything under a name: the replay's anchor, the status of symbols."""
        return dict(self.reader.execute("SELECT key, value FROM settings"))


def order_of(row: tuple[object, ...]) -> Order:
    """An order from a row of ``ORDER_COLUMNS``."""
    amounts = [Decimal(str(text)) for text in row[8:13]]
    return Order(*row[:8], *amounts, *row[13:])  # type: ignore[arg-type]


def _statements(effects: Effects) -> list[tuple[str, list[tuple[object, ...]]]]:
    # Later snapshots replace earlier ones: only the last of each is worth writing.
    balances = {(b.account_id, b.asset): b for b in effects.balances}
    orders = {order.order_id: order for order in effects.orders}
    return [
        (
            "INSERT INTO accounts VALUES (?,?,?,?,?)",
            [(a.account_id, a.label, a.api_key, a.api_secret, a.created_ms) for a in effects.accounts],
        ),
        (
            "INSERT INTO deposits VALUES (?,?,?,?)",
            [(d.account_id, d.asset, _text(d.amount), d.at_ms) for d in effects.deposits],
        ),
        (
            "INSERT OR REPLACE INTO balances VALUES (?,?,?,?)",
            [(b.account_id, b.asset, _text(b.free), _text(b.locked)) for b in balances.values()],
        ),
        (
            "INSERT OR REPLACE INTO orders VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            [_order_row(order) for order in orders.values()],
        ),
        (
            "INSERT INTO fills VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                (
                    *(f.trade_id, f.order_id, f.account_id, f.symbol, f.side),
                    *(_text(f.price), _text(f.qty), _text(f.quote_qty), _text(f.commission)),
                    *(f.commission_asset, int(f.is_maker), f.time_ms),
                )
                for f in effects.fills
            ],
        ),
        ("INSERT OR REPLACE INTO settings VALUES (?,?)", list(effects.settings.items())),
    ]


def _order_row(order: Order) -> tuple[object, ...]:
    return (
        *(order.order_id, order.account_id, order.symbol, order.client_order_id),
        *(order.side, order.type, order.time_in_force, order.status),
        *(_text(order.price), _text(order.orig_qty), _text(order.orig_quote_order_qty)),
        *(_text(order.executed_qty), _text(order.cummulative_quote_qty), order.time_ms, order.update_ms),
    )


def _text(amount: Decimal) -> str:
    return format(amount, "f")


def _locked(path: Path) -> IO[str]:
    # Not the database file itself: closing a second handle of it would drop SQLite's own locks.
    handle = open(f"{path}.lock", "a", opener=_private)  # noqa: SIM115 - held until the process ends
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise LedgerUnusable(
            f"ledger {path} is in use by another paper exchange: stop that one or choose another --ledger"
        ) from error
    return handle


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # it holds api secrets
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if version or tables:
        raise LedgerUnusable(
            f"ledger {path} is not one of this version: move the file away or choose another with --ledger"
        )
    connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
