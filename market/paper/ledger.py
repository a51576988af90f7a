"""The exchange's memory: one SQLite file (WAL, synchronous=FULL). An independent auditor reads these tables by SQL.

Amounts are plain decimal TEXT, moments are milliseconds since the epoch.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
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
# Rows after which the log is moved beside the writing, and how few may be left for between two writes. An order that
# fills at once is four rows. Measured with a million orders at full load: nobody waits longer than 20 ms. With SQLite's
# own habit, every 1000 pages, it was 20 ms every 130 orders; with 16,000 pages 200 ms every 3000.
LONG_LOG = 10_000
SHORT_LOG = 500
MOST_PASSES = 6


CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"


class LedgerUnusable(Exception):
    """The ledger cannot be used; the text is one line that says what to do."""


class Ledger:
    """The open ledger of this process. A lock file beside it keeps every second process out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
            self._connection = _connect(path)
            _prepare(self._connection, path)
            self._log = _Log(self._connection, path)
        except (OSError, sqlite3.Error) as error:
            raise LedgerUnusable(
                f"ledger {path} cannot be used ({error}): move the file away or choose another with --ledger"
            ) from error

    def close(self) -> None:
        """Close the file; the lock goes with it."""
        self._log.close()
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
        self._log.wrote(sum(len(rows) for _, rows in batch.rows))

    def tidy(self) -> None:
        """Use a pause: move what was written lately from the log to its place."""
        self._log.tidy()

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


class _Log:
    """Moves what was written from SQLite's log (the WAL) to its place, as far as possible beside the writing.

    SQLite before 3.51.3 can damage a file when a checkpoint begins while all of the log has been moved, and a write
    then starts the log anew (sqlite.org/wal.html#walresetbug). So a checkpoint beside the writing begins right after a
    commit and never beside another one: until it ends, there is something in the log that it has not moved, and no
    write starts the log anew. What comes meanwhile is left for another pass, and the last bit for between two writes.
    """

    def __init__(self, writer: sqlite3.Connection, path: Path) -> None:
        self._writer = writer
        self._mover = _connect(path)
        # For fdatasync only. It must stay open: closing it would drop SQLite's locks on the file.
        self._file = os.open(path, os.O_RDWR)
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._running: Future[None] | None = None
        self._passes = 0
        self._rows = 0

    def close(self) -> None:
        """Wait for the thread, close the file."""
        self._thread.shutdown()
        self._mover.close()
        os.close(self._file)

    def wrote(self, rows: int) -> None:
        """Hear of a commit; begin or go on to move the log when it is time. Raises what went wrong meanwhile."""
        self._rows += rows
        if self._running is None:
            if self._rows >= LONG_LOG:
                self._move()
        elif self._running.done():
            if self._rows > SHORT_LOG and self._passes < MOST_PASSES:
                self._running.result()
                self._move()
            else:
                self.tidy()

    def tidy(self) -> None:
        """Move everything, unless it is being done beside the writing. Nobody writes meanwhile."""
        if self._running is not None:
            if not self._running.done():
                return
            self._running.result()
        elif not self._rows:
            return
        self._running = None
        self._writer.execute(CHECKPOINT).fetchone()
        self._passes = self._rows = 0

    def _move(self) -> None:
        self._passes += 1
        self._rows = 0
        self._running = self._thread.submit(self._pass)

    def _pass(self) -> None:
        self._mover.execute(CHECKPOINT).fetchone()
        os.fdatasync(self._file)  # or the checkpoint that moves the last bit would have to wait for all of it


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
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    connection.execute("PRAGMA wal_autocheckpoint=0")
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
