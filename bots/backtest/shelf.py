"""What rests at the exchange for the bot of a trial: does what the plan says, at once and without fault."""

from collections.abc import Iterable
from decimal import Decimal

from bots.protection import Plan, Resting
from market.types import Side


class Shelf:
    """Stops and targets of one position. ``pairs``: one takes the other with it, as on spot."""

    def __init__(self, *, pairs: bool) -> None:
        self.resting: tuple[Resting, ...] = ()
        self._pairs = pairs
        self._next = 1

    def follow(self, plan: Plan, *, side: Side) -> int:
        """Cancel and place what the plan says for a position of this side; return how many orders were placed."""
        kept = [order for order in self.resting if order.order_id not in plan.cancel]
        before = self._next
        for leg in plan.place:
            for is_stop, price in ((True, leg.stop), (False, leg.target)):
                if price is not None:
                    kept.append(Resting(self._next, leg.number, is_stop, leg.quantity, price, side.opposite))
                    self._next += 1
        self.resting = tuple(kept)
        return self._next - before

    def clear(self) -> None:
        self.resting = ()

    def take(self, filled: Resting) -> None:
        """One has been filled."""
        self.resting = tuple(
            order for order in self.resting if order is not filled and not (self._pairs and order.leg == filled.leg)
        )

    def stops(self) -> list[Resting]:
        return [order for order in self.resting if order.is_stop]

    def targets(self, side: Side) -> list[Resting]:
        """The targets of a position of this side, the nearest first."""
        found = (order for order in self.resting if not order.is_stop)
        return sorted(found, key=lambda order: order.price * side.sign)


def reached(orders: Iterable[Resting], price: Decimal, *, sign: int) -> list[Resting]:
    """Those whose price lies at or before ``price`` on the way up (``sign`` 1) or down (-1)."""
    return [order for order in orders if (price - order.price) * sign >= 0]
