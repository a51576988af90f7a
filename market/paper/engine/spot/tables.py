"""Where spot is remembered."""

from __future__ import annotations

from market.paper.engine.amounts import text, units
from market.paper.engine.journal import Row, Table
from market.paper.engine.spot.types import Balance, SpotOrder
from market.paper.engine.tables import orders_table

BALANCES_SCHEMA = """
CREATE TABLE balances(account_id INTEGER NOT NULL, asset TEXT NOT NULL, free TEXT NOT NULL, locked TEXT NOT NULL,
    PRIMARY KEY (account_id, asset)) WITHOUT ROWID;
"""


def _balance(row: Row) -> Balance:
    return Balance(int(str(row[0])), str(row[1]), units(str(row[2])), units(str(row[3])))


ORDERS = orders_table("spot", SpotOrder)
BALANCES = Table(
    "balances",
    ("account_id", "asset", "free", "locked"),
    BALANCES_SCHEMA,
    lambda balance: (balance.account_id, balance.asset, text(balance.free), text(balance.locked)),
    _balance,
)

TABLES = (ORDERS, BALANCES)
