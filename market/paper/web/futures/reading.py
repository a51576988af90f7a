"""Parameters of futures calls, with the complaints that futures have of their own."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from market.paper.engine.amounts import TooPrecise, units
from market.paper.web import errors
from market.paper.web.errors import ApiError
from market.paper.web.params import LARGEST, Params

DAY_MS = 86_400_000
# What is older than this is not told any more.
HISTORY_DAYS = 90
# The same for orders that never filled.
UNFILLED_DAYS = 3
AMOUNT = r"^-?([0-9]{1,20})(\.[0-9]{1,20})?$"


@dataclass(frozen=True, slots=True)
class Period:
    """Which part of a history is asked for. With a start the oldest rows count, without one the newest."""

    start_ms: int | None
    end_ms: int | None
    # Rows before it are not shown.
    first_ms: int


def amount(params: Params, name: str) -> int | None:
    """A plain decimal in 10**-8, below zero too, for which the engine has codes; -1111 when it is too fine."""
    value = params.matching(name, AMOUNT)
    try:
        return None if value is None else units(value)
    except TooPrecise as error:
        raise ApiError(-1111, "Precision is over the maximum defined for this asset.") from error


def required_amount(params: Params, name: str) -> int:
    """A plain decimal that must be sent."""
    value = amount(params, name)
    if value is None:
        raise errors.mandatory(name)
    return value


def required_integer(params: Params, name: str) -> int:
    """A whole number that must be sent."""
    value = params.integer(name)
    if value is None:
        raise errors.mandatory(name)
    return value


def word(params: Params, name: str, among: Collection[str], wrong: ApiError, default: str = "") -> str:
    """One of a few words; ``wrong`` otherwise. Without a default it must be sent."""
    value = params.text(name) if default else params.required(name)
    if value is not None and value not in among:
        raise wrong
    return value or default


def switch(params: Params, name: str) -> bool:
    """True or false in any spelling; it must be sent."""
    value = params.required(name).lower()
    if value not in ("true", "false"):
        raise errors.invalid(name)
    return value == "true"


def limit(params: Params, default: int, largest: int) -> int:
    """How many rows; -1130 when that is none or too many."""
    value = params.integer("limit")
    if value is not None and not 1 <= value <= largest:
        raise errors.invalid("limit")
    return value or default


def client_id(params: Params, name: str) -> str | None:
    """A client order id: 1 to 36 safe characters, -4015 otherwise."""
    value = params.text(name)
    if value is not None and not re.fullmatch(errors.CLIENT_ID[1:-1], value):
        raise ApiError(-4015, "Client order id is not valid.")
    return value


def period(params: Params, now_ms: int, *, days: int = 7, from_id: int | None = None) -> Period:
    """startTime and endTime: at most ``days`` apart, the last ``days`` when not sent (or everything from an id on).

    Raises -1023, -4165.
    """
    start_ms, end_ms = params.integer("startTime"), params.integer("endTime")
    span, oldest = days * DAY_MS, now_ms - HISTORY_DAYS * DAY_MS
    if start_ms is None:
        if from_id is not None:
            return Period(oldest, end_ms, oldest)
        return Period(None, end_ms, max(oldest, (now_ms if end_ms is None else end_ms) - span))
    if end_ms is None:
        end_ms = min(start_ms + span, LARGEST)
    if start_ms > end_ms:
        raise ApiError(-1023, "Start time is greater than end time.")
    if end_ms - start_ms > span:
        raise ApiError(-4165, f"Maximum time interval is {days} days")
    return Period(max(start_ms, oldest), end_ms, oldest)


def told_since(now_ms: int) -> dict[str, int]:
    """From when on Binance tells of orders, and of those that ended unfilled: bounds for the history."""
    return {"start_ms": now_ms - HISTORY_DAYS * DAY_MS, "unfilled_since_ms": now_ms - UNFILLED_DAYS * DAY_MS}


def optional_symbol(params: Params, known: Collection[str]) -> str | None:
    """The symbol, None when not sent."""
    return params.symbol(known) if "symbol" in params else None


def offset(page: int, limit: int) -> int:
    """How many rows come before a page; pages count from 1."""
    return min(max(page - 1, 0) * limit, LARGEST)
