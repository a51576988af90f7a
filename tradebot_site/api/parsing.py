"""Reads JSON as strictly as it is kept: what PostgreSQL can't keep as text is refused here, for all fields."""

import codecs
import json
from collections.abc import Mapping
from math import isfinite
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.utils.json import strict_constant

MOST_DIGITS = 60  # of a whole number; money has 38
MOST_DEEP = 32


class StrictJSONParser(JSONParser):
    """JSON in UTF-8 without NaN, names twice, NUL, halves of characters, and endless numbers. Raises ParseError."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            text = codecs.getreader("utf-8")(stream).read()
            read = json.loads(
                text,
                parse_constant=strict_constant,
                parse_int=_whole,
                parse_float=_real,
                object_pairs_hook=_without_twins,
            )
            _require_plain(read)
            return read
        except RecursionError as error:
            raise ParseError("JSON parse error - it is nested too deeply") from error
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}") from error


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits, at most {MOST_DIGITS} are taken")
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError("a number is larger than any that is taken")
    return number


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return read


def _require_plain(value: Any, depth: int = 0) -> None:
    """What is too deep is refused here, before something of ours is too deep in itself to write it down."""
    if depth > MOST_DEEP:
        raise ValueError(f"it is nested too deeply: more than {MOST_DEEP} levels")
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise ValueError("a text holds NUL or half a character")
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        _require_plain(item, depth + 1)


class OnlyJSON(BaseContentNegotiation):
    """Whatever a client says that it accepts, it gets JSON: there is nothing else, and a refusal has to be readable."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type
