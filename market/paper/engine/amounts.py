"""Amounts inside the exchange: integers that count 10**-8. Exact, and several times faster than Decimal.

Text and Decimals exist at the border only: ``units`` reads, ``text`` writes.
"""

from __future__ import annotations

SCALE = 10**8
DECIMALS = 8


class TooPrecise(ValueError):
    """An amount has more than eight decimals that matter."""


def units(text: str) -> int:
    """Read a plain decimal ("1.5", "-0.1"), never an exponent. Raises TooPrecise, ValueError."""
    whole, _, part = text.partition(".")
    if len(part) > DECIMALS:
        part = part.rstrip("0")
        if len(part) > DECIMALS:
            raise TooPrecise(text)
    return int(whole + part.ljust(DECIMALS, "0"))


def text(amount: int) -> str:
    """Write an amount as Binance's spot does: eight decimals."""
    if amount < 0:
        return "-" + text(-amount)
    return "%d.%08d" % divmod(amount, SCALE)  # noqa: UP031 - the fastest way


def short(amount: int, decimals: int = 0) -> str:
    """Write an amount without needless zeros, with at least ``decimals`` decimals."""
    whole, _, part = text(amount).partition(".")
    part = part.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{part}" if part else whole


def times(price: int, quantity: int) -> int:
    """Price x quantity, rounded down (towards minus infinity) to 10**-8."""
    return price * quantity // SCALE


def times_up(price: int, quantity: int) -> int:
    """Price x quantity, rounded up: what must be set aside."""
    return -(-price * quantity // SCALE)


def over(amount: int, price: int) -> int:
    """Amount / price, rounded down to 10**-8."""
    return amount * SCALE // price


def round_down(amount: int, step: int) -> int:
    """The largest multiple of ``step`` that is not above the amount."""
    return amount // step * step
