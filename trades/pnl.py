"""Positions and profit, derived from fills. Plain Python, exact.

Average cost: an opening fill moves the average entry price, a closing one realises (price - average) × quantity.
A commission is a cost at once, in quote asset. One that is taken from the base asset is a sale of that much at the
fill's price, whose proceeds pay it. So realised + unrealised P&L is always what the fills have brought, to the last
digit.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import NamedTuple

from market.types import Side

ZERO = Decimal(0)
# What the database keeps. Rounding here, once for each fill, keeps sums of fills equal to the position.
PLACES = Decimal("1e-18")
# More digits than any product of two amounts has.
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)


class Execution(NamedTuple):
    """One fill as the books see it. ``commission_quote`` is its whole commission, ``commission_base`` what was taken
    from the base asset."""

    side: Side
    price: Decimal
    quantity: Decimal
    commission_quote: Decimal = ZERO
    commission_base: Decimal = ZERO


class Holding(NamedTuple):
    """A signed quantity with its average entry price, and what has been earned and paid so far, in quote asset.

    Tuples, since many are made: a frozen dataclass takes twice as long.
    """

    quantity: Decimal = ZERO
    entry_price: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO

    def after(self, fill: Execution) -> "Holding":
        """The holding after one more fill."""
        with localcontext(EXACT):
            traded = self._after(fill.side.sign * fill.quantity, fill.price, fill.commission_quote)
            if not fill.commission_base:
                return traded
            return traded._after(-fill.commission_base, fill.price, ZERO)

    def _after(self, signed: Decimal, price: Decimal, fee: Decimal) -> "Holding":
        held, entry_price, earned = self.quantity, self.entry_price, -fee
        quantity = held + signed
        if held * signed < 0:
            closed = held if abs(signed) > abs(held) else -signed  # signed like what was held
            earned += closed * (price - entry_price)
            turned = held * quantity < 0
            entry_price = ZERO if not quantity else price if turned else entry_price
        else:  # opened or grown
            cost = held * entry_price + signed * price
            entry_price = (cost / quantity).quantize(PLACES) if quantity else ZERO
        return Holding(quantity, entry_price, self.realized_pnl + earned.quantize(PLACES), self.fees + fee)

    def unrealized_pnl(self, mark_price: Decimal) -> Decimal:
        """What closing all of it at ``mark_price`` would add, before commission."""
        return self.quantity * (mark_price - self.entry_price)
