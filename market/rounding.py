"""Rounding of quantities and prices to the steps of an exchange, and their text. Plain Python."""

from decimal import ROUND_DOWN, Context, Decimal

# Wide enough for all digits of an AmountField; the usual 28 would round the quotient, sometimes upwards.
_EXACT = Context(prec=100, rounding=ROUND_DOWN)


def round_down(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``value`` in size; a step of 0 means no step."""
    if not step:
        return value
    return _EXACT.multiply(_EXACT.divide_int(value, step), step)


def round_up(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of ``step`` that is not below a positive ``value``."""
    down = round_down(value, step)
    return down if down >= value else _EXACT.add(down, step)


def plain(value: Decimal) -> str:
    """The number as people and exchanges write it: no exponent, no trailing zeros."""
    if not value:
        return "0"  # also for the negative zero
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
