"""Transfers between the wallets of an account: the paper exchange's ledger against our books.

A part of audit.py, which shares no code with what books. In the ledger a transfer is two deposits in a row, one of them
negative; its number is that of the second. It bears no mark of ours, so one that nobody claims is the owner's own,
unless it looks like one that we asked for.
"""

import sqlite3
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
PENDING = ("intended", "submitted", "unknown")
CLOCK_MS = 5_000  # by which a transfer may seem older than our row of it

THEIRS_SQL = """
    SELECT came.number, came.account_id, came.asset, came.amount, came.market, came.at_ms, gone.amount AS gone
      FROM deposits came JOIN deposits gone
        ON gone.number = came.number - 1 AND gone.account_id = came.account_id AND gone.asset = came.asset
       AND gone.at_ms = came.at_ms AND gone.market <> came.market
"""
OURS_SQL = """
    SELECT id, account_id, asset, amount, to_futures, status, transaction_id,
           (extract(epoch FROM created_at) * 1000)::bigint AS created_ms
      FROM trades_transfer WHERE environment = 'paper' ORDER BY id
"""


def read_theirs(ledger: sqlite3.Connection) -> dict[int, Row]:
    """The transfers in the ledger, by the id that the exchange tells."""
    found = {}
    for row in ledger.execute(THEIRS_SQL):
        amount = Decimal(row["amount"])
        if amount == -Decimal(row["gone"]) > 0:
            found[row["number"]] = dict(row) | {"amount": amount, "to_futures": row["market"] == "futures"}
    return found


def name_of(row: Row) -> str:
    """How findings call a transfer of ours."""
    return f"transfer {row['id']}"


def pending(ours: list[Row]) -> set[str]:
    """Those whose outcome the books don't know yet."""
    return {name_of(row) for row in ours if row["status"] in PENDING}


def lost(theirs: dict[int, Row], ours: list[Row], excused: Collection[str]) -> list[str]:
    """Executed there, given up here."""
    return [
        f"{name_of(row)} is {row['status']}, account {their['account_id']} has it as {number}"
        for number, their, row in _unclaimed(theirs, ours)
        if row["status"] != "done" and name_of(row) not in excused
    ]


def duplicated(theirs: dict[int, Row], ours: list[Row]) -> list[str]:
    """Executed once more than we know."""
    return [
        f"{name_of(row)} is {row['transaction_id']}, and account {their['account_id']} has another one as {number}"
        for number, their, row in _unclaimed(theirs, ours)
        if row["status"] == "done"
    ]


def _unclaimed(theirs: dict[int, Row], ours: list[Row]) -> Iterator[tuple[int, Row, Row]]:
    """What nobody claims there, with the last equal transfer that we had been asked for by then."""
    claimed = {row["transaction_id"]: row["account_id"] for row in ours}
    homes = {claimed[number]: their["account_id"] for number, their in theirs.items() if number in claimed}
    for number, their in theirs.items():
        alike = [row for row in ours if number not in claimed and _is_alike(row, their, homes)]
        if alike:
            yield number, their, alike[-1]


def _is_alike(row: Row, their: Row, homes: dict[int, int]) -> bool:
    """Whether a transfer there may be ours. ``homes``: which account there is ours, as far as transfers show it."""
    at_home = homes.get(row["account_id"], their["account_id"]) == their["account_id"]
    return at_home and _content(row) == _content(their) and row["created_ms"] <= their["at_ms"] + CLOCK_MS


def _content(row: Row) -> tuple[str, Decimal, bool]:
    return row["asset"], row["amount"], row["to_futures"]


def phantom(theirs: dict[int, Row], ours: list[Row]) -> list[str]:
    """Done here, not there."""
    return [
        f"{name_of(row)}: {row['transaction_id']} is not in the ledger"
        for row in ours
        if row["status"] == "done" and row["transaction_id"] not in theirs
    ]


def unequal(theirs: dict[int, Row], ours: list[Row]) -> list[str]:
    """Done on both sides, but not the same."""
    pairs = [(theirs[row["transaction_id"]], row) for row in ours if row["transaction_id"] in theirs]
    return [
        f"{name_of(row)}: {name} is {their[name]} there, {row[name]} here"
        for their, row in pairs
        for name in ("asset", "amount", "to_futures")
        if their[name] != row[name]
    ]
