"""Our books against the paper exchange's own ledger, row by row, to the last digit; and that ledger against itself.

The auditor reads the two databases by SQL and imports nothing of what books, so that it can't share a mistake with it.
It may run while the system trades: it reads the ledger, our books, and the ledger again, and does not judge orders
whose outcome the books do not know yet.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from ops.exchange_books import contradictions
from ops.exchange_forced import forced_differences

OUR_PREFIX = "tb-%"  # the mark of our orders at the exchange
DUST = Decimal("1e-9")  # quote asset
PENDING = ("intended", "submitted", "unknown", "open")
Row = dict[str, Any]
FillKey = tuple[str, int]  # client order id, the exchange's trade id: alone it is unique per market and symbol only


@dataclass(frozen=True)
class Ledger:
    """What the exchange remembers: our orders, their fills, and what each account was given and holds on spot."""

    orders: list[Row]
    fills: dict[FillKey, Row]
    deposits: dict[tuple[int, str], Decimal]
    balances: dict[tuple[int, str], Decimal]
    strangers: set[int]  # accounts that also trade spot without us, whose balances prove nothing


@dataclass(frozen=True)
class Books:
    """What we remember."""

    orders: dict[str, Row]  # by client order id
    fills: dict[FillKey, Row]
    positions: list[Row]


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


def audit(database: Mapping[str, Any], ledger_path: Path) -> Findings:
    """Compare the books behind psycopg's connection parameters with the ledger file."""
    before = read_ledger(ledger_path)
    books = read_books(database)
    after = read_ledger(ledger_path)
    pending = {name for name, order in books.orders.items() if order["status"] in PENDING}
    return Findings(
        lost=_lost(before, books, pending),
        duplicated=_duplicated(after, books),
        phantom=_phantom(after, books),
        unequal=_unequal_fills(after, books)
        + _unequal_positions(books)
        + _unequal_profits(books)
        + _unequal_balances(before, books, after, pending)
        + forced_differences(database, ledger_path)
        + contradictions(ledger_path),
        pending=sorted(pending),
    )


def _lost(ledger: Ledger, books: Books, pending: set[str]) -> list[str]:
    """Executed there, not known here."""
    orders = [
        f"order {order['client_order_id']} is not in our books"
        for order in ledger.orders
        if order["client_order_id"] not in books.orders
    ]
    fills = [
        f"fill {trade_id} of {client_id} is not in our books"
        for client_id, trade_id in ledger.fills
        if (client_id, trade_id) not in books.fills and client_id not in pending
    ]
    return orders + fills


def _duplicated(ledger: Ledger, books: Books) -> list[str]:
    """One act done twice: an id that the exchange accepted twice, or two executed orders for one signal."""
    ids = Counter(order["client_order_id"] for order in ledger.orders)
    executed = {order["client_order_id"] for order in ledger.orders if Decimal(order["executed_qty"])}
    acts = Counter(
        (order["position_id"], order["signal_key"]) for name, order in books.orders.items() if name in executed
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


def _unequal_positions(books: Books) -> list[str]:
    """Positions, orders and trades that are not the sum of their fills."""
    return [
        f"position {row['id']}: {name} is {row[name]}, its fills make it {row['sum_' + name]}"
        for row in books.positions
        for name in ("quantity", "realized_pnl", "fees", "filled", "traded")
        if row[name] != row["sum_" + name]
    ]


def _unequal_profits(books: Books) -> list[str]:
    """Positions whose profit is not what came in and went out, with what is held at its price of entry.

    Cash is worth what it is, so this also sees a profit that was computed wrongly for each fill. Average prices are
    kept to 18 places, which leaves dust of arithmetic.
    """
    brought = {row["id"]: row["cash"] + row["worth"] for row in books.positions}
    return [
        f"position {row['id']}: realized_pnl is {row['realized_pnl']}, its cash flows make it {brought[row['id']]}"
        for row in books.positions
        if abs(row["realized_pnl"] - brought[row["id"]]) > DUST
    ]


def _unequal_balances(before: Ledger, books: Books, after: Ledger, pending: set[str]) -> list[str]:
    """What an account holds on spot must be what it was given plus what our fills brought.

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
    moving = after.strangers | {account_of[name] for name in pending if name in account_of}
    found = []
    for key in expected.keys() | after.balances.keys():
        account, asset = key
        held = after.balances.get(key, Decimal(0))
        still = account not in moving and held == before.balances.get(key, Decimal(0))
        if still and held != expected[key]:
            found.append(f"account {account}: {asset} is {held} there, {expected[key]} here")
    return found


def read_ledger(path: Path) -> Ledger:
    """One consistent look at the exchange's own file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        orders = connection.execute("SELECT * FROM orders WHERE client_order_id LIKE ?", [OUR_PREFIX])
        ours = [dict(row) for row in orders]
        fills = connection.execute(
            "SELECT f.*, o.client_order_id FROM fills f JOIN orders o USING (market, symbol, order_id)"
            " WHERE client_order_id LIKE ?",
            [OUR_PREFIX],
        )
        deposits: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        for row in connection.execute("SELECT account_id, asset, amount FROM deposits WHERE market = 'spot'"):
            deposits[row["account_id"], row["asset"]] += Decimal(row["amount"])
        balances = {
            (row["account_id"], row["asset"]): Decimal(row["free"]) + Decimal(row["locked"])
            for row in connection.execute("SELECT * FROM balances")
        }
        others = connection.execute(
            "SELECT DISTINCT account_id FROM orders WHERE market = 'spot' AND client_order_id NOT LIKE ?", [OUR_PREFIX]
        )
        return Ledger(
            orders=ours,
            fills={(row["client_order_id"], row["trade_id"]): dict(row) for row in fills},
            deposits=dict(deposits),
            balances=balances,
            strangers={row["account_id"] for row in others},
        )


ORDERS_SQL = """
    SELECT o.client_order_id, o.status, o.position_id, o.signal_key FROM trades_order o
      JOIN market_exchangeaccount a ON a.id = (SELECT account_id FROM trades_position p WHERE p.id = o.position_id)
     WHERE a.environment = 'paper'
"""
FILLS_SQL = """
    SELECT o.client_order_id, f.exchange_trade_id, f.symbol, o.side, f.price, f.quantity AS qty,
           f.quote_quantity AS quote_qty, f.commission, f.commission_asset, p.base_asset, p.quote_asset, a.market
      FROM trades_fill f JOIN trades_order o ON o.id = f.order_id JOIN trades_position p ON p.id = o.position_id
      JOIN market_exchangeaccount a ON a.id = p.account_id
     WHERE a.environment = 'paper' AND o.client_order_id LIKE 'tb-%'
"""
POSITIONS_SQL = """
    SELECT p.id, p.quantity, p.realized_pnl, p.fees,
           coalesce((SELECT sum(filled_quantity) FROM trades_order o WHERE o.position_id = p.id), 0) AS filled,
           coalesce((SELECT sum(quantity_filled) FROM trades_trade t WHERE t.position_id = p.id), 0) AS traded,
           coalesce(s.quantity, 0) AS sum_quantity, coalesce(s.realized_pnl, 0) + paid AS sum_realized_pnl,
           p.quantity * p.entry_price AS worth, coalesce(s.cash, 0) + paid AS cash,
           coalesce(s.fees, 0) AS sum_fees, coalesce(s.total, 0) AS sum_filled, coalesce(s.total, 0) AS sum_traded
      FROM trades_position p
      CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS paid FROM trades_funding f WHERE f.position_id = p.id) f
      LEFT JOIN (SELECT o.position_id, sum(f.quantity) AS total, sum(f.realized_pnl) AS realized_pnl,
                        sum(f.commission_quote) AS fees,
                        sum(CASE o.side WHEN 'BUY' THEN -f.quote_quantity ELSE f.quote_quantity END
                            - CASE WHEN f.commission_asset = p2.base_asset THEN 0 ELSE f.commission_quote END) AS cash,
                        sum(CASE o.side WHEN 'BUY' THEN f.quantity ELSE -f.quantity END
                            - CASE WHEN f.commission_asset = p2.base_asset THEN f.commission ELSE 0 END) AS quantity
                   FROM trades_fill f JOIN trades_order o ON o.id = f.order_id
                   JOIN trades_position p2 ON p2.id = o.position_id
                  GROUP BY o.position_id) s ON s.position_id = p.id
"""


def read_books(database: Mapping[str, Any]) -> Books:
    """One consistent look at our own books."""
    with psycopg.connect(**database, row_factory=psycopg.rows.dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        orders = connection.execute(ORDERS_SQL).fetchall()
        fills = connection.execute(FILLS_SQL).fetchall()
        positions = connection.execute(POSITIONS_SQL).fetchall()
    return Books(
        orders={row["client_order_id"]: row for row in orders},
        fills={(row["client_order_id"], row["exchange_trade_id"]): row for row in fills},
        positions=positions,
    )
