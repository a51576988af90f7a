"""A year of trades by COPY: the books agree with each other, trade by trade and position by position.

Reports read trades, fundings, positions, bots and their history. Of orders and fills only the numbers are made up:
nothing of a report reads them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import psycopg

DAYS = 365
FEE = 0.001
COLUMNS = (
    *("order_id", "position_id", "environment", "market", "symbol", "binance_order_id", "purpose", "side", "price"),
    *("quantity_filled", "quote_quantity", "commission", "commission_asset", "commission_quote", "realized_pnl"),
    "created_at",
)
BOOK_SQL = """
    UPDATE trades_position p
       SET realized_pnl = booked.pnl + funded.amount, fees = booked.fees, funding = funded.amount,
           round = booked.rounds, closed_at = booked.last
      FROM (SELECT position_id, sum(realized_pnl) AS pnl, sum(commission_quote) AS fees, max(created_at) AS last,
                   count(*) FILTER (WHERE purpose = 'entry') AS rounds FROM trades_trade GROUP BY 1) AS booked
      JOIN (SELECT position_id, sum(amount) AS amount FROM trades_funding GROUP BY 1) AS funded USING (position_id)
     WHERE p.id = booked.position_id
"""


def seed(database: psycopg.Connection[Any], *, trades: int) -> int:
    """Give every bot its share of the trades of the last year; how many there are now."""
    bots = database.execute(
        "SELECT p.id, p.account_id, p.symbol FROM bots_botconfig b JOIN trades_position p ON p.id = b.position_id"
    ).fetchall()
    rounds = max(trades // 2 // len(bots), 1)
    end = datetime.combine(datetime.now(UTC).date(), time(), UTC)
    with database.transaction():
        database.execute("SET LOCAL session_replication_role = replica")  # no order is behind the trades
        with database.cursor().copy(f"COPY trades_trade ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            for row in _trades(bots, rounds, end - timedelta(days=DAYS)):
                copy.write_row(row)
        with database.cursor().copy(
            "COPY trades_funding (kind, position_id, account_id, transaction_id, amount, paid_at) FROM STDIN"
        ) as copy:
            for number, (position_id, account_id, _) in enumerate(bots):
                for day in range(DAYS):
                    at = end - timedelta(days=day, hours=8)
                    copy.write_row(("funding", position_id, account_id, number * DAYS + day, "-0.01", at))
        database.execute("UPDATE bots_botconfig SET created_at = %s", [end - timedelta(days=DAYS + 1)])
        database.execute(BOOK_SQL)
    database.execute("VACUUM ANALYZE")
    return 2 * rounds * len(bots)


def _trades(bots: list[Any], rounds: int, begin: datetime) -> Iterator[tuple[Any, ...]]:
    """Round after round of all bots: as in life, the rows of one bot lie far from each other."""
    dice, room, number = random.Random(0), timedelta(days=DAYS) / rounds, 0
    for turn in range(rounds):
        for position_id, _, symbol in bots:
            entered = begin + (turn + 0.3 * dice.random()) * room
            gain = dice.gauss(0.02, 1)
            for purpose, side, at, pnl in (
                ("entry", "BUY", entered, 0.0),
                ("exit", "SELL", entered + 0.6 * dice.random() * room + timedelta(seconds=1), gain),
            ):
                number += 1
                fee = 50 * FEE
                yield (
                    *(number, position_id, "paper", "spot", symbol, -number, purpose, side, "100"),
                    *("0.5", "50", f"{fee:.8f}", "USDT", f"{fee:.8f}", f"{pnl - fee:.8f}", at),
                )
