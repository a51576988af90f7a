"""How long the exchange wants silence. Plain Python."""

from collections.abc import Mapping
from datetime import timedelta

DEFAULT_SILENCE = timedelta(seconds=60)
LONGEST_SILENCE = timedelta(days=3)  # Binance's longest ban


def retry_after(headers: Mapping[str, str], *, default: timedelta = DEFAULT_SILENCE) -> timedelta:
    """What the header of that name asks for, if it makes sense; the mapping finds it under its name in lower case."""
    try:
        silence = timedelta(seconds=float(headers["retry-after"]))
    except (KeyError, ValueError, OverflowError):
        return default
    return min(silence, LONGEST_SILENCE) if silence > timedelta() else default
