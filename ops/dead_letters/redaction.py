"""What is written down of failed work holds no secret."""

import re
from typing import Any

REDACTED = "***"
_WORDS = r"secret|token|passw|api[-_ ]?key|private[-_ ]?key|signature|authorization|cookie"
_NAMES = re.compile(rf"(?i){_WORDS}|^key$")
# Each repetition has a bound: what is looked through may be long, and a worker waits for it.
_IN_TEXT = re.compile(
    rf"(?i)((?:{_WORDS})[\w-]{{0,40}}[\"']?\s{{0,4}}[:=]\s{{0,4}})"
    r"(\"[^\"]{0,2000}\"|'[^']{0,2000}'|(?:(?:bearer|basic)\s+)?[^\s\"'&,;)\]}]{1,2000})"
)
_IN_ADDRESS = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,200}:)[^\s/@]{1,500}(?=@)")


def redacted(value: Any, name: str = "") -> Any:
    """The value as JSON that PostgreSQL keeps, without what its names, or words in its texts, give away as secret."""
    if value not in (None, "") and _NAMES.search(name):
        return REDACTED
    if isinstance(value, dict):
        return {plain_text(str(key)): redacted(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and value - value == 0):
        return value
    return redacted_text(str(value))


def redacted_text(text: str) -> str:
    """A text with `password=…`, `"token": "…"`, `redis://user:…@host` and their like made unreadable."""
    return _IN_ADDRESS.sub(rf"\g<1>{REDACTED}", _IN_TEXT.sub(rf"\g<1>{REDACTED}", plain_text(text)))


def plain_text(text: str) -> str:
    """A text that PostgreSQL takes: without NUL and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
