"""Endpoints that are the same in every market."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from market.paper.engine.ladder import Side, sides
from market.paper.engine.types import Quote
from market.paper.web.call import Call

if TYPE_CHECKING:
    from market.paper.venue import Venue

Form = Callable[[int], str]


def ping(call: Call) -> dict[str, Any]:
    """GET ping."""
    return {}


def server_time(call: Call) -> dict[str, int]:
    """GET time."""
    return {"serverTime": call.server_ms}


def rate_limits(venue: Venue[Any]) -> list[dict[str, Any]]:
    """The rateLimits of exchangeInfo, with the request weight that is allowed here."""
    limit = venue.weights.limit
    rows = venue.info["rateLimits"]
    return [row | {"limit": limit} if limit and row["rateLimitType"] == "REQUEST_WEIGHT" else row for row in rows]


def book(quote: Quote, levels: int, price: Form, quantity: Form) -> dict[str, Any]:
    """What GET depth tells in every market: the ladder that orders trade against, as text."""

    def told(side: Side) -> list[list[str]]:
        return [[price(at), quantity(size)] for at, size in side]

    bids, asks = sides(quote, levels)
    return {"lastUpdateId": quote.step, "bids": told(bids), "asks": told(asks)}
