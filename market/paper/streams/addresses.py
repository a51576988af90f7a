"""The addresses of the streams: what market, what form, and what a client wants to hear from the start. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qsl, unquote

from market.paper.engine.types import Market
from market.paper.streams.names import Route

APIS: dict[str, Market] = {"/ws-api/v3": "spot", "/ws-fapi/v1": "futures"}
STREAMS = re.compile(r"(/fstream)?(?:/(public|market|private))?/(ws|stream)(?:/(.*))?")
# ccxt takes an address for one of spot only if it has "/stream" in it, so spot's may begin with it.
CCXT_SPOT = "/stream/ws"


@dataclass(frozen=True, slots=True)
class Address:
    """A stream address. ``route`` None: it carries all streams of its market."""

    market: Market
    route: Route | None
    combined: bool
    names: list[str]


def is_stream_path(path: str) -> bool:
    """True for the paths of streams and of the WebSocket API."""
    return path in APIS or STREAMS.fullmatch(path) is not None


def address_of(path: str, query: str) -> Address | None:
    """Read a path and a query as sent; None when it is not a stream's."""
    if path == CCXT_SPOT or path.startswith(CCXT_SPOT + "/"):
        path = path.removeprefix("/stream")
    match = STREAMS.fullmatch(path)
    if match is None:
        return None
    unrouted, route, form, rest = match.groups()
    names = [unquote(name) for name in (rest or "").split("/")] + _names(query)
    market: Market = "futures" if unrouted or route else "spot"
    return Address(market, cast("Route | None", route), form == "stream", [name for name in names if name])


def _names(query: str) -> list[str]:
    """The names in ``streams``, and those that pairs of ``listenKey`` and ``events`` stand for."""
    names: list[str] = []
    pairs = parse_qsl(query, max_num_fields=None)
    for place, (field, value) in enumerate(pairs):
        if field == "streams":
            names += value.split("/")
        elif field == "listenKey":
            events = pairs[place + 1][1] if pairs[place + 1 : place + 2] and pairs[place + 1][0] == "events" else ""
            names += [f"{value}@{event}" for event in events.split("/")] if events else [value]
    return names
