"""How a fill changes a position. Exact: what is paid, held and earned always adds up, to the last digit."""

from __future__ import annotations

from market.paper.engine.amounts import SCALE
from market.paper.engine.futures.types import Position


def execute(position: Position, signed: int, price: int) -> tuple[int, int]:
    """Let the position take over ``signed`` (negative: sold) at a price; return how much that closed, and the profit.

    The profit is rounded down; the rest of it waits in ``residue`` for the next one.
    """
    held = position.quantity
    position.quantity = held + signed
    if held == 0 or (held > 0) == (signed > 0):
        position.cost += signed * price
        return 0, 0
    size, closed = abs(held), min(abs(held), abs(signed))
    part = position.cost if closed == size else position.cost * closed // size
    value = closed * price if held > 0 else -closed * price
    profit, position.residue = divmod(value - part + position.residue, SCALE)
    # Beyond flat the rest of the fill opens the other direction.
    position.cost += (signed * price + value) - part
    position.realized += profit
    return closed, profit
