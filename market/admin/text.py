"""Numbers and moments as people read them: no 18 decimals, no trailing zeros."""

from datetime import datetime, timedelta
from decimal import Decimal

from market.rounding import plain

NOTHING = "–"


def number(value: Decimal | None, *, digits: int = 8) -> str:
    """At most ``digits`` significant digits, but every digit before the point: prices and quantities."""
    if value is None:
        return NOTHING
    places = max(digits - 1 - value.adjusted(), 0) if value else 0
    text = plain(round(value, places))
    whole, point, rest = text.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.lstrip("-") not in ("", "0") else text


def money(value: Decimal | None) -> str:
    """Two decimals, more only for amounts below a cent."""
    if value is None:
        return NOTHING
    if value and abs(value) < Decimal("0.01"):
        return number(value, digits=2)
    return f"{value:,.2f}"


def signed(value: Decimal | None) -> str:
    """Money with its sign: what was won or lost."""
    return f"+{money(value)}" if value and value > 0 else money(value)


def moment(value: datetime | None) -> str:
    """UTC to the second."""
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else NOTHING


def span(duration: timedelta) -> str:
    """The two largest units of a duration: 42 s, 3 min, 2 h 5 min, 4 d 1 h."""
    seconds = round(abs(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"


def ago(value: datetime | None, *, now: datetime) -> str:
    """How long ago, or how far ahead, a moment is."""
    if value is None:
        return "never"
    return f"{span(now - value)} ago" if value <= now else f"in {span(value - now)}"
