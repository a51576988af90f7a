"""Fills of many orders, and the ways in which they become known: by the reply, by questions, by the stream.

Each fill is told one to five times, and all that tells of it comes in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from market.exchange.types import FillReport, OrderReport, ReportStatus
from market.types import Side

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MOST_TIMES = 5
MOST_FILLS = 10  # of one order
BNB_PRICE = Decimal("612.34")


@dataclass
class Told:
    """One order as the exchange executes it, in one position."""

    position: int
    number: int  # the exchange's
    purpose: str
    side: Side
    fills: list[FillReport] = field(default_factory=list)

    @property
    def quantity(self) -> Decimal:
        """All that it is for: it is filled to the end."""
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    def report(self, fills: Sequence[FillReport], executed: int) -> OrderReport:
        """What is told when ``executed`` of its fills are there."""
        status = ReportStatus.FILLED if executed == len(self.fills) else ReportStatus.OPEN
        quantity = sum((fill.quantity for fill in self.fills[:executed]), Decimal(0))
        return OrderReport("", self.number, status, quantity, tuple(fills))


def histories(fills: int, positions: int, dice: Random, base_asset: str) -> list[Told]:
    """Orders with so many fills in all, as they were executed in a market that all positions share.

    One half of the positions goes long, the other short; now and then more is closed than was held, which turns them.
    Orders of one position overlap.
    """
    orders: list[Told] = []
    working: dict[int, list[tuple[Told, int]]] = {number: [] for number in range(positions)}
    for trade_id in range(1, fills + 1):
        position = dice.randrange(positions)
        mine = working[position]
        if not mine or (len(mine) == 1 and dice.random() < 0.1):
            orders.append(_order(position, len(orders) + 1, dice))
            mine.append((orders[-1], dice.randint(1, MOST_FILLS)))
        order, left = mine.pop(dice.randrange(len(mine)))
        order.fills.append(_fill(trade_id, dice, base_asset))
        if left > 1:
            mine.append((order, left - 1))
    return [order for order in orders if order.fills]


def deliveries(order: Told, dice: Random) -> Iterator[OrderReport]:
    """What is told of one order, so that each of its fills is told one to five times."""
    left = [dice.randint(1, MOST_TIMES) for _ in order.fills]
    while any(left):
        whole = next((number for number, times in enumerate(left) if not times), len(left))
        channel = dice.random()
        if channel < 0.25 and whole == len(left):
            known, executed = range(whole), whole  # the reply, with all of them
        elif channel < 0.7 and whole:
            known = range(dice.randint(1, whole))  # an answer: all fills so far
            executed = len(known)
        else:
            number = dice.choice([number for number, times in enumerate(left) if times])
            known, executed = range(number, number + 1), number + 1  # the stream
        for number in known:
            left[number] -= 1
        yield order.report([order.fills[number] for number in known], executed)


def _order(position: int, number: int, dice: Random) -> Told:
    opening = Side.BUY if position % 2 else Side.SELL
    if dice.random() < 0.5:
        return Told(position, number, "entry", opening)
    return Told(position, number, dice.choice(("exit", "protection")), opening.opposite)


def _fill(trade_id: int, dice: Random, base_asset: str) -> FillReport:
    price, quantity = (
        Decimal(dice.randint(4_000_000, 6_000_000)).scaleb(-2),
        Decimal(dice.randint(1, 90_000)).scaleb(-5),
    )
    asset = dice.choice((base_asset, "USDT", "BNB"))
    worth = {base_asset: price, "USDT": Decimal(1), "BNB": BNB_PRICE}[asset]
    return FillReport(
        exchange_trade_id=trade_id,
        price=price,
        quantity=quantity,
        quote_quantity=price * quantity,
        commission=(price * quantity / 1000 / worth).quantize(Decimal("1e-8")),
        commission_asset=asset,
        executed_at=BEGIN + timedelta(milliseconds=trade_id // 3 * 10),  # several share a moment
    )
