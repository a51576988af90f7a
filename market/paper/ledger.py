"""The exchange's memory: one SQLite file (WAL, synchronous=FULL). An independent auditor reads these tables by SQL.

Amounts are plain decimal TEXT, moments are milliseconds since the epoch.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable
from functools import cache
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


# Leaps from symbol to symbol over the primary key (symbol, market, number): a start must not read a million orders.
NEXT_IDS = """
WITH RECURSIVE known(symbol) AS (
    SELECT min(symbol) FROM {table}
    UNION ALL
    SELECT (SELECT min(symbol) FROM {table} WHERE symbol > known.symbol) FROM known WHERE known.symbol IS NOT NULL),
highest(symbol, number) AS (
    SELECT symbol, (SELECT max({column}) FROM {table} WHERE symbol = known.symbol AND market = ?) FROM known)
SELECT symbol, number + 1 FROM highest WHERE number IS NOT NULL
"""

# Measured with a million orders: more makes it slower, and the operating system has the pages anyway.
CACHE_KIB = 16_384
# Under load without a pause the log is moved when it has so many pages. Everybody waits for that, so it is seldom:
# about 120 ms every 3000 orders on a ledger of a million. With SQLite's 1000 pages it was 20 ms every 130 orders, and
# that was the 99th percentile of all answers; moved by a thread beside the writing, 20 ms at most and 12 ms at that
# percentile, but no more orders in all, and a file that only careful reasoning kept whole.
LOG_PAGES = 16_000


class LedgerUnusable(Exception):
    """The ledger cannot be used; the text is one line that says what to do."""


class Ledger:
    """The open ledger of this process. A lock file beside it keeps every second process out.

    One connection reads, writes and moves the log: SQLite before 3.51.3 can damage a file when one connection moves its
    log while another writes (sqlite.org/wal.html#walresetbug).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
            self._connection = _connect(path)
            _prepare(self._connection, path)
        except (OSError, sqlite3.Error) as error:
            raise LedgerUnusable(
                f"ledger {path} cannot be used ({error}): move the file away or choose another with --ledger"
            ) from error

    def close(self) -> None:
        """Close the file; the lock goes with it."""
        self._connection.close()
        self._lock.close()

    def commit(self, batch: Batch) -> None:
        """Write everything in one transaction; it is on disk when this returns. Raises sqlite3.Error."""
        if not batch.rows:
            return
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            for table, rows in batch.rows:
                self._connection.executemany(_insert(table), rows)
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise

    def tidy(self) -> None:
        """Use a pause: move what was written lately from the log to its place."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def things(self, table: Table, where: str = "1", values: Iterable[object] = ()) -> list[Any]:
        """What a table remembers, as the engine knows it. ``where`` may end with ORDER BY and LIMIT."""
        sql = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {where}"  # noqa: S608 - our own words
        return [table.thing(row) for row in self._connection.execute(sql, tuple(values))]

    def row(self, sql: str, *values: object) -> Row:
        """The one row of a question that has one."""
        return tuple(self._connection.execute(sql, values).fetchone())

    def next_ids(self, table: str, column: str, market: str) -> dict[str, int]:
        """By symbol, the number after the highest that was given out."""
        return dict(self._connection.execute(NEXT_IDS.format(table=table, column=column), (market,)))

    def accounts(self) -> list[Account]:
        """Every account, oldest first."""
        return self.things(ACCOUNTS, "1 ORDER BY id")

    def settings(self) -> dict[str, str]:
        """Everything under a name: the replay's anchor, the status of symbols."""
        return dict(self.things(SETTINGS))


@cache
def _insert(table: Table) -> str:
    marks = ", ".join("?" * len(table.columns))
    return f"INSERT OR REPLACE INTO {table.name}({', '.join(table.columns)}) VALUES ({marks})"  # noqa: S608


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
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
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
