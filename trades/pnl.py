"""Positions and profit, derived from fills. Plain Python, exact.

Average cost: an opening fill moves the average entry price, a closing one realises (price - average) × quantity.
A commission is a cost at once, in quote asset. One that is taken from the base asset is a sale of that much at the
fill's price, whose proceeds pay it. So realised + unrealised P&L is always what the fills have brought, to the last
digit.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext

from market.types import Side

ZERO = Decimal(0)
# What the database keeps. Rounding here, once for each fill, keeps sums of fills equal to the position.
PLACES = Decimal("1e-18")
DIGITS = 60  # more than any product of two amounts has


@dataclass(frozen=True)
class Execution:
    """One fill as the books see it. ``commission_quote`` is its whole commission, ``commission_base`` what was taken
    from the base asset."""

    side: Side
    price: Decimal
    quantity: Decimal
    commission_quote: Decimal = ZERO
    commission_base: Decimal = ZERO


@dataclass(frozen=True)
class Holding:
    """A signed quantity with its average entry price, and what has been earned and paid so far, in quote asset."""

    quantity: Decimal = ZERO
    entry_price: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO

    def after(self, fill: Execution) -> "Holding":
        """The holding after one more fill."""
        with localcontext(prec=DIGITS):
            traded = self._after(fill)
            if not fill.commission_base:
                return traded
            return traded._after(Execution(Side.SELL, fill.price, fill.commission_base))

    def _after(self, fill: Execution) -> "Holding":
        signed = fill.side.sign * fill.quantity
        closing = min(abs(signed), abs(self.quantity)) if self.quantity * signed < 0 else ZERO
        direction = 1 if self.quantity > 0 else -1
        earned = closing * (fill.price - self.entry_price) * direction
        return Holding(
            quantity=self.quantity + signed,
            entry_price=self._entry_price_after(signed, fill.price),
            realized_pnl=self.realized_pnl + (earned - fill.commission_quote).quantize(PLACES),
            fees=self.fees + fill.commission_quote,
        )

    def _entry_price_after(self, signed: Decimal, price: Decimal) -> Decimal:
        quantity = self.quantity + signed
        if not quantity:
            return ZERO
        if self.quantity * signed >= 0:  # opened or grown
            return ((self.quantity * self.entry_price + signed * price) / quantity).quantize(PLACES)
        turned = self.quantity * quantity < 0
        return price if turned else self.entry_price

    def unrealized_pnl(self, mark_price: Decimal) -> Decimal:
        """What closing all of it at ``mark_price`` would add, before commission."""
        return self.quantity * (mark_price - self.entry_price)
