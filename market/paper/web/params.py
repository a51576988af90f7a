"""Parameters of a request, from query and body, read with Binance's complaints."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import parse_qsl

import orjson

from market.paper.engine.amounts import TooPrecise, units
from market.paper.web import errors
from market.paper.web.errors import ApiError

MAX_PARAMETERS = 200
LARGEST = 2**63 - 1
# A moment above this one, in the year 5138, is in microseconds.
LATEST_MS = 10**14


def parse_params(query: str, body: bytes) -> dict[str, str]:
    """Join query and form body; a name in both counts as in the query. Raises -1101 on a name sent twice in one."""
    return _parse(body.decode("utf-8", "replace")) | _parse(query)


def _parse(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise ApiError(-1101, "Too many parameters.") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ApiError(-1101, "Duplicate values for a parameter detected.")
    return found


class Params:
    """Typed reading: each method returns the value or raises what Binance would say."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self._read: set[str] = set()

    def __contains__(self, name: str) -> bool:
        """True when the parameter was sent."""
        return name in self._values

    def text(self, name: str) -> str | None:
        """The value, None when not sent, -1105 when empty."""
        self._read.add(name)
        value = self._values.get(name)
        if value == "":
            raise errors.empty(name)
        return value

    def required(self, name: str) -> str:
        """The value, -1102 when not sent."""
        value = self.text(name)
        if value is None:
            raise errors.mandatory(name)
        return value

    def choice(self, name: str, among: Collection[str], default: str) -> str:
        """One of a few words, -1130 otherwise."""
        value = self.text(name)
        if value is not None and value not in among:
            raise errors.invalid(name)
        return value or default

    def flag(self, name: str) -> bool:
        """True or false, by their names; false when not sent."""
        return self.choice(name, ("true", "false", "TRUE", "FALSE"), "false").lower() == "true"

    def matching(self, name: str, pattern: str) -> str | None:
        """The value when it matches, -1100 with the legal range otherwise."""
        value = self.text(name)
        if value is not None and not re.fullmatch(pattern[1:-1], value):
            raise errors.illegal(name, pattern)
        return value

    def integer(self, name: str) -> int | None:
        """A whole number from 0 on that fits 64 bits."""
        value = self.matching(name, errors.NUMBER)
        if value is None:
            return None
        if int(value) > LARGEST:
            raise errors.invalid(name)
        return int(value)

    def moment(self, name: str) -> int | None:
        """A moment in milliseconds; microseconds may be sent too."""
        value = self.integer(name)
        return value // 1000 if value is not None and value > LATEST_MS else value

    def limit(self, default: int, largest: int) -> int:
        """How many rows: at least 1; above the largest counts as the largest."""
        value = self.integer("limit")
        if value == 0:
            raise errors.invalid("limit")
        return min(value or default, largest)

    def amount(self, name: str) -> int | None:
        """A plain decimal, never a float's "1e-05", in 10**-8; -1111 when it is finer than that."""
        value = self.matching(name, errors.AMOUNT)
        try:
            return None if value is None else units(value)
        except TooPrecise as error:
            raise errors.too_precise(name) from error

    def require_all_read(self) -> None:
        """Raise when something was sent that nobody has asked for until now."""
        sent, read = len(self._values), len(self._values.keys() & self._read)
        if read == sent:
            return
        if not read:
            raise ApiError(-1101, f"Too many parameters; expected '0' and received '{sent}'.")
        text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        raise ApiError(-1104, text)

    def symbol(self, known: Collection[str]) -> str:
        """The symbol; -1102, -1100, -1121."""
        symbol = self.required("symbol")
        self.matching("symbol", errors.SYMBOL)
        if symbol not in known:
            raise errors.invalid_symbol()
        return symbol

    def symbols(self, known: Collection[str]) -> list[str] | None:
        """``symbol`` or the JSON list ``symbols``; None when neither was sent."""
        if "symbol" in self and "symbols" in self:
            raise errors.bad_combination()
        if "symbol" in self:
            return [self.symbol(known)]
        text = self.text("symbols")
        if text is None:
            return None
        try:
            wanted = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise errors.illegal("symbols", '^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$') from error
        if not isinstance(wanted, list) or not wanted or any(not isinstance(name, str) for name in wanted):
            raise errors.invalid("symbols")
        if any(name not in known for name in wanted):
            raise errors.invalid_symbol()
        return list(dict.fromkeys(wanted))
