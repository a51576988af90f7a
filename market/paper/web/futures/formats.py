"""How futures write numbers: prices and quantities with the symbol's decimals, money with eight.

As in the newest recordings (price "0.00", origQty "0.007", avgPrice "3057.89000", cumQuote "21.40523"); the older
documentation's bare "0" is left to the fields that still have it.
"""

from __future__ import annotations

from market.paper.engine.amounts import DECIMALS, SCALE, short, text
from market.paper.engine.futures.rules import FuturesRules

# An average price has at least so many decimals.
AVERAGE_DECIMALS = 5


def fixed(amount: int, decimals: int) -> str:
    """Write an amount with so many decimals; what is smaller is cut off."""
    if amount < 0:
        return "-" + fixed(-amount, decimals)
    if not decimals:
        return str(amount // SCALE)
    whole, part = divmod(amount // 10 ** (DECIMALS - decimals), 10**decimals)
    return f"{whole}.{part:0{decimals}d}"


def price(rules: FuturesRules, amount: int) -> str:
    """A price of the symbol."""
    return fixed(amount, rules.price_precision)


def quantity(rules: FuturesRules, amount: int) -> str:
    """A quantity of the symbol's base asset."""
    return fixed(amount, rules.quantity_precision)


def quote_quantity(rules: FuturesRules, amount: int) -> str:
    """A price times a quantity of the symbol: nothing is cut off."""
    return fixed(amount, min(DECIMALS, rules.price_precision + rules.quantity_precision))


def average_price(rules: FuturesRules, amount: int) -> str:
    """An average of prices; as long as there is none, a plain zero price."""
    decimals = max(AVERAGE_DECIMALS, min(DECIMALS, rules.price_precision + rules.quantity_precision))
    return fixed(amount, decimals) if amount else price(rules, 0)


def money(amount: int) -> str:
    """An amount of the margin asset."""
    return text(amount)


def money_or_zero(amount: int) -> str:
    """An amount of the margin asset where nothing is written "0"."""
    return text(amount) if amount else "0"


def average_entry(amount: int) -> str:
    """An entry or break-even price: as many decimals as it needs, at least one."""
    return short(amount, 1)


def number(amount: int) -> int | float:
    """A JSON number, for the few answers that have numbers instead of strings."""
    return amount // SCALE if amount % SCALE == 0 else amount / SCALE
