"""The exchange's memory: one SQLite file (WAL, synchronous=FULL). An independent auditor reads these tables by SQL.

Amounts are plain decimal TEXT, moments are milliseconds since the epoch.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from market.paper.engine.futures import tables as futures
from market.paper.engine.journal import Batch, Row, Table
from market.paper.engine.spot import tables as spot
from market.paper.engine.tables import ACCOUNTS, SETTINGS, TABLES
from market.paper.engine.types import Account

VERSION = 2

# By name: ``orders`` is one table that two markets write to.
SCHEMA = {table.name: table.schema for table in (*TABLES, *spot.TABLES, *futures.TABLES)}


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

    def commit(self, batch: Batch) -> None:
        """Write everything in one transaction, on disk when this returns. May run in a thread of its own."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            for table, rows in batch.rows:
                self._writer.executemany(_insert(table), rows)
            self._writer.execute("COMMIT")
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise

    def things(self, table: Table, where: str = "1", values: Iterable[object] = ()) -> list[Any]:
        """What a table remembers, as the engine knows it. ``where`` may end with ORDER BY and LIMIT."""
        sql = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {where}"  # noqa: S608 - our own words
        rows = self.reader.execute(sql, tuple(values))
        return [table.thing(row) for row in rows]

    def row(self, sql: str, *values: object) -> Row:
        """The one row of a question that has one."""
        return tuple(self.reader.execute(sql, values).fetchone())

    def next_ids(self, table: str, column: str, market: str) -> dict[str, int]:
        """By symbol, the number after the highest that was given out."""
        sql = f"SELECT symbol, max({column}) + 1 FROM {table} WHERE market = ? GROUP BY symbol"  # noqa: S608
        return dict(self.reader.execute(sql, (market,)))

    def accounts(self) -> list[Account]:
        """Every account, oldest first."""
        return self.things(ACCOUNTS, "1 ORDER BY id")

    def settings(self) -> dict[str, str]:
        """Everything under a name: the replay's anchor, the status of symbols."""
        return dict(self.things(SETTINGS))


def _insert(table: Table) -> str:
    marks = ", ".join("?" * len(table.columns))
    return f"INSERT OR REPLACE INTO {table.name}({', '.join(table.columns)}) VALUES ({marks})"


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
    connection.executescript(f"BEGIN; {' '.join(SCHEMA.values())} PRAGMA user_version={VERSION}; COMMIT;")
