"""Rounding of quantities and prices to the steps of an exchange, and their text. Plain Python."""

from decimal import ROUND_DOWN, Decimal


def round_down(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``value`` in size; a step of 0 means no step."""
    if not step:
        return value
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


def round_up(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of ``step`` that is not below a positive ``value``."""
    down = round_down(value, step)
    return down if down >= value else down + step


def plain(value: Decimal) -> str:
    """The number as people and exchanges write it: no exponent, no trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
