"""Our own positions and trades against the fills they are made of, computed anew to the last digit.

Nothing here shares code with what books. Amounts are whole numbers that count 10**-18. What a fill
earns, and an average price, are rounded to that, half to even, once for each fill.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal
from itertools import groupby
from typing import Any

import psycopg

DUST = Decimal("1e-9")  # quote asset
ONE = 10**18
WIDE = Context(prec=100)
Row = dict[str, Any]

POSITIONS_SQL = """
    SELECT p.id, p.quantity, p.entry_price, p.realized_pnl, p.fees, p.funding,
           coalesce((SELECT sum(amount) FROM trades_funding f WHERE f.position_id = p.id), 0) AS sum_funding,
           coalesce((SELECT sum(filled_quantity) FROM trades_order o WHERE o.position_id = p.id), 0) AS filled,
           coalesce((SELECT sum(quantity_filled) FROM trades_trade t WHERE t.position_id = p.id), 0) AS traded,
           coalesce(s.quantity, 0) AS sum_quantity, coalesce(s.fees, 0) AS sum_fees,
           coalesce(s.total, 0) AS sum_filled, coalesce(s.total, 0) AS sum_traded,
           coalesce(s.cash, 0) + p.funding + p.quantity * p.entry_price AS brought
      FROM trades_position p
      LEFT JOIN (SELECT o.position_id, sum(f.quantity) AS total, sum(f.commission_quote) AS fees,
                        sum(CASE o.side WHEN 'BUY' THEN -f.quote_quantity ELSE f.quote_quantity END
                            - CASE WHEN f.commission_asset = p2.base_asset THEN 0 ELSE f.commission_quote END) AS cash,
                        sum(CASE o.side WHEN 'BUY' THEN f.quantity ELSE -f.quantity END
                            - CASE WHEN f.commission_asset = p2.base_asset THEN f.commission ELSE 0 END) AS quantity
                   FROM trades_fill f JOIN trades_order o ON o.id = f.order_id
                   JOIN trades_position p2 ON p2.id = o.position_id
                  GROUP BY o.position_id) s ON s.position_id = p.id
     ORDER BY p.id
"""
# In the order of execution, which is that of the exchange's ids.
JOURNAL_SQL = """
    SELECT o.position_id, f.order_id, o.side, f.price, f.quantity, f.commission_quote,
           CASE WHEN f.commission_asset = p.base_asset THEN f.commission ELSE 0 END AS commission_base
      FROM trades_fill f JOIN trades_order o ON o.id = f.order_id JOIN trades_position p ON p.id = o.position_id
     ORDER BY o.position_id, f.exchange_trade_id, f.order_id
"""
TRADES_SQL = "SELECT order_id, realized_pnl FROM trades_trade"


@dataclass(frozen=True)
class PositionBooks:
    """What the database says of positions and trades, and the journal behind them."""

    positions: list[Row]
    journal: list[Row]
    trades: dict[int, Decimal]  # what each order earned


@dataclass(slots=True)
class Replayed:
    """A position as its fills make it."""

    quantity: int = 0
    entry_price: int = 0
    realized: int = 0
    earned: dict[int, int] = field(default_factory=dict)  # by order

    def take(self, fill: Row) -> None:
        """Let a fill act. A commission that was taken from the base asset is a sale at the fill's price."""
        way = 1 if fill["side"] == "BUY" else -1
        price, before = units(fill["price"]), self.realized
        self._trade(way * units(fill["quantity"]), price, units(fill["commission_quote"]))
        if fill["commission_base"]:
            self._trade(-units(fill["commission_base"]), price, 0)
        order = fill["order_id"]
        self.earned[order] = self.earned.get(order, 0) + self.realized - before

    def _trade(self, signed: int, price: int, fee: int) -> None:
        held, after = self.quantity, self.quantity + signed
        profit = 0
        if held * signed >= 0:
            self.entry_price = _rounded(held * self.entry_price + signed * price, after) if after else 0
        else:
            closed = min(abs(held), abs(signed)) * (1 if held > 0 else -1)
            profit = closed * (price - self.entry_price)
            if held * after <= 0:
                self.entry_price = price if after else 0
        self.quantity = after
        self.realized += _rounded(profit - fee * ONE, ONE)


def read(connection: psycopg.Connection[Row]) -> PositionBooks:
    """Everything at once, in the caller's transaction."""
    trades = connection.execute(TRADES_SQL).fetchall()
    return PositionBooks(
        positions=connection.execute(POSITIONS_SQL).fetchall(),
        journal=connection.execute(JOURNAL_SQL).fetchall(),
        trades={row["order_id"]: row["realized_pnl"] for row in trades},
    )


def replay(fills: Iterable[Row]) -> Replayed:
    """What the fills of one position come to, in the order in which they were executed."""
    replayed = Replayed()
    for fill in fills:
        replayed.take(fill)
    return replayed


def differences(books: PositionBooks) -> Iterator[str]:
    """Positions and trades that are not what their fills make them."""
    journal = groupby(books.journal, key=lambda row: row["position_id"])
    replayed = {position: replay(fills) for position, fills in journal}
    for row in books.positions:
        found = replayed.get(row["id"], Replayed())
        for name in ("quantity", "fees", "funding", "filled", "traded"):
            yield from _difference(f"position {row['id']}: {name}", row[name], row["sum_" + name])
        yield from _difference(f"position {row['id']}: entry_price", row["entry_price"], amount(found.entry_price))
        realized = amount(found.realized) + row["funding"]
        yield from _difference(f"position {row['id']}: realized_pnl", row["realized_pnl"], realized)
        # Cash is worth what it is: this sees a mistake that both computations share. Rounded averages leave dust.
        kept, brought = row["realized_pnl"], row["brought"]
        if abs(kept - brought) > DUST:
            yield f"position {row['id']}: realized_pnl is {kept}, its cash flows make it {brought}"
    earned = {order: amount(value) for found in replayed.values() for order, value in found.earned.items()}
    for order in sorted(earned.keys() | books.trades.keys()):
        yield from _difference(f"trade of order {order}: realized_pnl", books.trades.get(order), earned.get(order))


def _difference(name: str, kept: Decimal | None, made: Decimal | None) -> Iterator[str]:
    if kept != made:
        yield f"{name} is {kept}, its fills make it {made}"


def units(value: Decimal) -> int:
    """An amount in whole numbers."""
    return int(WIDE.scaleb(value, 18))


def amount(value: int) -> Decimal:
    """The amount of a whole number."""
    return WIDE.scaleb(Decimal(value), -18)


def _rounded(value: int, by: int) -> int:
    """The quotient, rounded half to even."""
    if by < 0:
        value, by = -value, -by
    whole, rest = divmod(value, by)
    return whole + (2 * rest > by or (2 * rest == by and whole % 2 == 1))
