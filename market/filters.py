"""The exchange's filters, checked before an order leaves, so that a refusal costs no call. Plain Python."""

from dataclasses import dataclass
from decimal import Decimal

from market.rounding import plain, round_down, round_up
from market.rules import Rules


@dataclass(frozen=True)
class Violation:
    """A filter that an order would break: its name, and a sentence with value and bound."""

    filter: str
    detail: str


def check_market_order(rules: Rules, *, quantity: Decimal, price: Decimal) -> Violation | None:
    """The first filter that a market order of ``quantity`` (base asset) near ``price`` would break."""
    notional = quantity * price
    if quantity < rules.min_quantity or quantity <= 0:
        needed = plain(rules.min_quantity)
        return Violation("LOT_SIZE", f"quantity {plain(quantity)} {rules.base_asset} is below the minimum {needed}")
    if rules.max_quantity is not None and quantity > rules.max_quantity:
        bound = plain(rules.max_quantity)
        return Violation("LOT_SIZE", f"quantity {plain(quantity)} {rules.base_asset} is above the maximum {bound}")
    if quantity != round_down(quantity, rules.lot_size):
        return Violation(
            "LOT_SIZE", f"quantity {plain(quantity)} is no multiple of the lot size {plain(rules.lot_size)}"
        )
    if notional < rules.min_notional:
        needed = plain(smallest_quantity(rules, price=price))
        return Violation(
            "NOTIONAL",
            f"{plain(quantity)} {rules.base_asset} at {plain(price)} is worth {notional:.2f} {rules.quote_asset};"
            f" the minimum is {plain(rules.min_notional)} {rules.quote_asset}, that is {needed} {rules.base_asset}",
        )
    if rules.max_notional is not None and notional > rules.max_notional:
        return Violation(
            "NOTIONAL", f"{notional:.2f} {rules.quote_asset} is above the maximum {plain(rules.max_notional)}"
        )
    return None


def smallest_quantity(rules: Rules, *, price: Decimal) -> Decimal:
    """The smallest quantity, in base asset, that a market order at ``price`` may have."""
    return round_up(max(rules.min_notional / price, rules.min_quantity), rules.lot_size)
