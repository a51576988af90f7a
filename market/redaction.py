"""What is written down of our work, in logs and of what failed, holds no secret."""

import re
from typing import Any

REDACTED = "***"
_WORDS = r"secret|token|passw|api[-_ ]?key|private[-_ ]?key|signature|authorization|cookie"
# To look for these first is thirty times as fast as the patterns below, and most texts have none.
_HINTS = re.compile("secret|token|passw|key|signature|authorization|cookie|bearer|basic")
_NAMES = re.compile(rf"(?i){_WORDS}|^key$")
# Each repetition has a bound: what is looked through may be long, and somebody waits for it.
_IN_TEXT = re.compile(
    rf"(?i)((?:{_WORDS})[\w-]{{0,40}}(?:[\"']?\s{{0,4}}[:=]\s{{0,4}}|[\"']\s{{0,4}},\s{{0,4}}(?=[\"']))[\[({{]{{0,3}})"
    r"(\"(?:[^\"\\]|\\.){0,2000}\"|'(?:[^'\\]|\\.){0,2000}'|(?:(?:bearer|basic|token)\s+)?[^\s\"'&,;)\]}]{1,2000})"
)
_IN_HEADER = re.compile(r"(?i)(\b(?:bearer|basic|token)\s{1,4})[a-z0-9+/=._~-]{16,2000}")
_IN_ADDRESS = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,200}:)[^\s/@]{1,500}(?=@)")
_PAGE = re.compile(r"(?i)\bhttps?://[^\s\"'<>]{1,2000}")
_USER = re.compile(r"(?<=://)[^/@]{1,500}(?=@)")
# A part of a path by which nobody would call a page: who knows it is let in, by webhooks and bots.
_IN_PATH = re.compile(r"(?<=[^/]/)[\w~%:+-]{20,2000}")
# Exchange keys, signatures and our own tokens have 64; names of ours are shorter, or have signs between.
LONG = 60
_LONG_WORD = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z0-9]{{{LONG},2000}}(?![A-Za-z0-9])")


def redacted(value: Any, name: str = "") -> Any:
    """The value as JSON that PostgreSQL keeps, without what its names, or words in its texts, give away as secret."""
    if value not in (None, "") and is_secret(name):
        return REDACTED
    if isinstance(value, dict):
        return {plain_text(str(key)): redacted(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and value - value == 0):
        return value
    return redacted_text(str(value))


def is_secret(name: str) -> bool:
    """Whether what has this name is nobody's to read."""
    return bool(_NAMES.search(name))


def redacted_text(text: str) -> str:
    """A text with `password=…`, `"token": "…"`, `redis://user:…@host` and their like made unreadable."""
    text = plain_text(text)
    if _HINTS.search(text.lower()):
        text = _IN_HEADER.sub(rf"\g<1>{REDACTED}", _IN_TEXT.sub(rf"\g<1>{REDACTED}", text))
    if "://" in text:
        text = _PAGE.sub(_redacted_page, _IN_ADDRESS.sub(rf"\g<1>{REDACTED}", text))
    return _LONG_WORD.sub(REDACTED, text) if len(text) >= LONG else text


def _redacted_page(found: re.Match[str]) -> str:
    return _IN_PATH.sub(REDACTED, _USER.sub(REDACTED, found[0]))


def plain_text(text: str) -> str:
    """A text that PostgreSQL takes: without NUL and halves of characters."""
    return text.replace("\0", "") if text.isascii() else text.replace("\0", "").encode("utf-8", "replace").decode()
