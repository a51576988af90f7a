"""Our books against the paper exchange's ledger, row by row, to the last digit.

It may run while the system trades: it reads the ledger, our books, and the ledger again, and does not judge orders
whose outcome the books do not know yet.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ops.audit import position_books, transfer_books
from ops.audit.exchange_books import contradictions
from ops.audit.forced import forced_differences
from ops.audit.reading import Books, Ledger, read_books, read_ledger

PENDING = ("intended", "submitted", "unknown", "open")
LATE = ":late:"  # ends the key of an order that was given up and is alive after all


@dataclass(frozen=True)
class Findings:
    """Sentences about every difference; all but ``pending`` must be empty."""

    lost: list[str]
    duplicated: list[str]
    phantom: list[str]
    unequal: list[str]
    pending: list[str]

    @property
    def counts(self) -> dict[str, int]:
        return {name: len(found) for name, found in vars(self).items()}

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.phantom or self.unequal)


def audit(database: Mapping[str, Any], ledger_path: Path, *, at_rest: bool = False) -> Findings:
    """Compare the books behind psycopg's connection parameters with the ledger file.

    ``at_rest``: nobody trades and every report had its time, so what is pending has no excuse either.
    """
    before = read_ledger(ledger_path)
    books = read_books(database)
    after = read_ledger(ledger_path)
    pending = {name for name, order in books.orders.items() if order["status"] in PENDING}
    pending |= transfer_books.pending(books.transfers)
    excused = set[str]() if at_rest else pending
    return Findings(
        lost=_lost(before, books, excused) + transfer_books.lost(before.transfers, books.transfers, excused),
        duplicated=_duplicated(after, books) + transfer_books.duplicated(before.transfers, books.transfers),
        phantom=_phantom(after, books) + transfer_books.phantom(after.transfers, books.transfers),
        unequal=_unequal_fills(after, books)
        + list(position_books.differences(books.positions))
        + transfer_books.unequal(after.transfers, books.transfers)
        + _unequal_news(books)
        + _unequal_balances(before, books, after, excused)
        + forced_differences(database, ledger_path)
        + contradictions(ledger_path),
        pending=sorted(pending),
    )


def _lost(ledger: Ledger, books: Books, excused: Collection[str]) -> list[str]:
    """Executed there, not known here."""
    accepted = {order["client_order_id"] for order in ledger.orders} | set(ledger.conditionals)
    orders = [f"order {name} is not in our books" for name in sorted(accepted - books.orders.keys())]
    fills = [
        f"fill {trade_id} of {client_id} is not in our books"
        for client_id, trade_id in ledger.fills
        if (client_id, trade_id) not in books.fills and client_id not in excused
    ]
    return orders + fills


def _duplicated(ledger: Ledger, books: Books) -> list[str]:
    """One act done twice: an id that the exchange accepted twice, or two executed orders for one signal."""
    ids = Counter(order["client_order_id"] for order in ledger.orders)
    ids |= Counter(ledger.conditionals)  # the larger count: one that was triggered is in both lists
    executed = {order["client_order_id"] for order in ledger.orders if Decimal(order["executed_qty"])}
    acts = Counter(
        (order["position_id"], order["signal_key"].split(LATE)[0])
        for name, order in books.orders.items()
        if name in executed
    )
    return [f"order {name} was accepted {count} times" for name, count in ids.items() if count > 1] + [
        f"position {position}: {key} was executed {count} times" for (position, key), count in acts.items() if count > 1
    ]


def _phantom(ledger: Ledger, books: Books) -> list[str]:
    """Known here, never executed there."""
    return [
        f"fill {trade_id} of {client_id} is not in the ledger"
        for client_id, trade_id in books.fills
        if (client_id, trade_id) not in ledger.fills
    ]


def _unequal_fills(ledger: Ledger, books: Books) -> list[str]:
    found = []
    for key in ledger.fills.keys() & books.fills.keys():
        theirs, ours = ledger.fills[key], books.fills[key]
        found += [
            f"fill {key[1]} of {key[0]}: {name} is {theirs[name]} there, {ours[name]} here"
            for name in ("market", "symbol", "side", "commission_asset")
            if theirs[name] != ours[name]
        ]
        found += [
            f"fill {key[1]} of {key[0]}: {name} is {theirs[name]} there, {ours[name]} here"
            for name in ("price", "qty", "quote_qty", "commission")
            if Decimal(theirs[name]) != ours[name]
        ]
    return found


def _unequal_news(books: Books) -> list[str]:
    """Executed orders of which no event tells all that was filled, and events of fills that never were."""
    return [
        f"order {row['client_order_id']}: {row['filled_quantity']} is filled, its events tell {row['told']}"
        for row in books.news
        if row["told"] != row["filled_quantity"]
    ]


def _unequal_balances(before: Ledger, books: Books, after: Ledger, excused: Collection[str]) -> list[str]:
    """What an account holds on spot must be what it was given plus what our fills brought.

    What left for its futures wallet, or came from there, is among the deposits; see ``transfer_books`` too.
    Futures wallets follow from more than fills (funding, liquidations): see ``contradictions``.
    """
    account_of = {order["client_order_id"]: order["account_id"] for order in after.orders}
    expected: dict[tuple[int, str], Decimal] = defaultdict(Decimal, after.deposits)
    for (client_id, _), fill in books.fills.items():
        account = account_of.get(client_id)
        if account is None or fill["market"] != "spot":
            continue  # without an account it is a phantom, told already
        sign = 1 if fill["side"] == "BUY" else -1
        expected[account, fill["base_asset"]] += sign * fill["qty"]
        expected[account, fill["quote_asset"]] -= sign * fill["quote_qty"]
        expected[account, fill["commission_asset"]] -= fill["commission"]
    moving = after.strangers | {account_of[name] for name in excused if name in account_of}
    found = []
    for key in expected.keys() | after.balances.keys():
        account, asset = key
        held = after.balances.get(key, Decimal(0))
        still = account not in moving and held == before.balances.get(key, Decimal(0))
        if still and held != expected[key]:
            found.append(f"account {account}: {asset} is {held} there, {expected[key]} here")
    return found
