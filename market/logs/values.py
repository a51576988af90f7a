"""What may stand in a line: bounded, without secrets, and nothing that raises or takes long to say."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import islice
from reprlib import Repr
from typing import Any
from uuid import UUID

from market.redaction import REDACTED, is_secret, redacted_text

MOST_TEXT, MOST_WIDE, MOST_DEEP = 500, 12, 3
# What a viewer might take for the end of a line, or for another direction of reading. JSON escapes only the old ones.
_ODD = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_short = Repr()
_short.maxstring = _short.maxother = 200
_short.maxlevel, _short.maxdict, _short.maxlist, _short.maxtuple = 3, 12, 12, 12


def text_of(value: Any, most: int = MOST_TEXT) -> str:
    """A text of at most so many characters; of what can't tell itself its type."""
    try:
        text = str(value)
    except Exception as error:
        text = f"<{type(value).__name__}, which can't be told: {type(error).__name__}>"
    return safe(text, most)


def safe(text: str, most: int = MOST_TEXT) -> str:
    """A text without secrets and odd signs, of at most so many characters.

    It is cut twice, before, so that what is very long takes no time, with room for what is made short.
    """
    if len(text) > 4 * most:
        text = text[: 4 * most]
    text = redacted_text(text)
    if not text.isprintable():
        text = _ODD.sub(lambda odd: f"\\u{ord(odd[0]):04x}", text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def value_of(value: Any, name: str = "", depth: int = 0) -> Any:
    """A value as JSON has it, bounded in width and depth; of what JSON does not know what it says of itself."""
    if value is None or isinstance(value, bool | float):
        return value
    if is_secret(name):
        return REDACTED
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    if isinstance(value, str | int | Decimal | date | UUID):
        return text_of(value)
    if depth < MOST_DEEP and isinstance(value, dict):
        return {safe(text_of(key), 40): value_of(value[key], text_of(key), depth + 1) for key in _first(value)}
    if depth < MOST_DEEP and isinstance(value, list | tuple | set | frozenset):
        return [value_of(each, "", depth + 1) for each in _first(value)]
    try:
        return safe(_short.repr(value))
    except Exception as error:
        return f"<{type(value).__name__}, which can't be told: {type(error).__name__}>"


def _first(values: Iterable[Any]) -> list[Any]:
    return list(islice(values, MOST_WIDE))
