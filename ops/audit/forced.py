"""What the paper exchange did to futures positions by itself, liquidations and fundings, against our books.

SQL only, no code of what books. A liquidation that we have not found yet is a difference; a funding
is booked some minutes after it was paid, so only those that are booked are judged.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

Rows = dict[tuple[Any, ...], tuple[Any, ...]]

# Accounts of ours on which nobody else trades futures: of a liquidation there everything is ours.
OURS = """
account_id IN (SELECT account_id FROM orders WHERE market = 'futures' AND client_order_id LIKE 'tb-%')
AND account_id NOT IN (SELECT account_id FROM orders WHERE market = 'futures'
                        AND client_order_id NOT LIKE 'tb-%' AND client_order_id NOT LIKE 'autoclose-%')
"""
THEIR_FILLS = f"""
SELECT f.symbol, f.order_id, f.trade_id, f.side, f.price, f.qty FROM fills f
  JOIN orders o USING (market, symbol, order_id, account_id)
 WHERE market = 'futures' AND o.client_order_id LIKE 'autoclose-%' AND {OURS}
"""  # noqa: S608 - constants
THEIR_INCOMES = """
SELECT tran_id, symbol, income FROM futures_incomes WHERE income_type IN ('FUNDING_FEE', 'INSURANCE_CLEAR')
"""
OUR_FILLS = """
SELECT f.symbol, o.exchange_order_id, f.exchange_trade_id, o.side, f.price, f.quantity
  FROM trades_fill f JOIN trades_order o ON o.id = f.order_id JOIN market_exchangeaccount a ON a.id = f.account_id
 WHERE a.environment = 'paper' AND o.client_order_id LIKE 'forced-%'
"""
OUR_FUNDINGS = """
SELECT f.transaction_id, p.symbol, f.amount FROM trades_funding f JOIN trades_position p ON p.id = f.position_id
  JOIN market_exchangeaccount a ON a.id = f.account_id WHERE a.environment = 'paper'
"""


def forced_differences(database: Mapping[str, Any], ledger_path: Path) -> list[str]:
    """Sentences about liquidations that are not booked as they were, and fundings that nobody paid."""
    with psycopg.connect(**database) as books:
        our_fills = _keyed(books.execute(OUR_FILLS).fetchall(), 3)
        our_fundings = _keyed(books.execute(OUR_FUNDINGS).fetchall(), 2)
    with closing(sqlite3.connect(f"file:{ledger_path}?mode=ro", uri=True, timeout=10)) as ledger:
        if not ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'futures_incomes'").fetchone():
            return []
        their_fills = _keyed(ledger.execute(THEIR_FILLS).fetchall(), 3)
        their_incomes = _keyed(ledger.execute(THEIR_INCOMES).fetchall(), 2)
    return [*_fills(our_fills, their_fills), *_fundings(our_fundings, their_incomes)]


def _fills(ours: Rows, theirs: Rows) -> Iterator[str]:
    for key, told in theirs.items():
        if key not in ours:
            yield f"liquidation {key[2]} of {key[0]} is not in our books"
        elif _as_numbers(told) != _as_numbers(ours[key]):
            yield f"liquidation {key[2]} of {key[0]} is {told} there, {ours[key]} here"


def _fundings(ours: Rows, theirs: Rows) -> Iterator[str]:
    for key, (amount,) in ours.items():
        paid = theirs.get(key)
        if paid is None or Decimal(paid[0]) != amount:
            yield f"funding {key[0]} of {key[1]} is {amount} here, {paid and paid[0]} there"


def _keyed(rows: list[Any], width: int) -> Rows:
    """Rows by their first columns."""
    return {tuple(row[:width]): tuple(row[width:]) for row in rows}


def _as_numbers(row: tuple[Any, ...]) -> tuple[Any, ...]:
    side, price, quantity = row
    return side, Decimal(price), Decimal(quantity)
