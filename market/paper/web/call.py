"""One request on its way through the exchange, and what an endpoint is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson

from market.paper.engine.types import Account, Market
from market.paper.web.errors import ApiError
from market.paper.web.params import Params

if TYPE_CHECKING:
    from market.paper.engine.futures.engine import FuturesEngine
    from market.paper.engine.spot.engine import SpotEngine
    from market.paper.exchange import Exchange
    from market.paper.venue import Venue


class DropConnection(Exception):
    """The connection is to be closed without an answer."""


@dataclass(slots=True)
class Call:
    """A request with what the pipeline has found out about it."""

    exchange: Exchange
    endpoint: Endpoint
    query: str
    body: bytes
    api_key: str | None
    admin_token: str | None
    ip: str
    now_ms: int
    params: Params = field(default_factory=lambda: Params({}))
    # Endpoints may add headers (order counts) and say how much the call weighed in the end.
    headers: dict[str, str] = field(default_factory=dict)
    signed_by: Account | None = None
    # How wrong the clock is that clients see; faults set it, and what stands around the endpoint's function.
    skew_ms: int = 0
    # As the client wants its times: the header X-MBX-TIME-UNIT.
    time_unit: str | None = None
    wrapped: Handler | None = None

    @property
    def handler(self) -> Handler:
        """The function that answers."""
        return self.wrapped or self.endpoint.handler

    @property
    def server_ms(self) -> int:
        """The time that clients are told and that their timestamps are held against."""
        return self.now_ms + self.skew_ms

    @property
    def spot(self) -> Venue[SpotEngine]:
        """The spot market."""
        return self.exchange.spot

    @property
    def futures(self) -> Venue[FuturesEngine]:
        """The futures market."""
        return self.exchange.futures

    @property
    def account(self) -> Account:
        """Whose call it is; only signed endpoints may ask."""
        if self.signed_by is None:
            raise AssertionError(f"{self.endpoint.path} is not a signed endpoint")
        return self.signed_by


# Handlers do not wait for anything: what they do and what they tell is one moment. The pipeline waits for the disk.
Handler = Callable[[Call], Any]
Weight = int | Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and path, who may call it, what it weighs, and the function that answers it."""

    method: str
    path: str
    handler: Handler
    # Whose request weight it uses; None: nobody's.
    market: Market | None
    weight: Weight = 1
    security: Literal["none", "key", "signed", "admin"] = "none"
    # Placing and cancelling weigh nothing when they succeed.
    free_when_ok: bool = False
    # The answer comes from the ledger, so everything that has happened must be there first.
    reads_past: bool = False

    def weight_of(self, params: Params) -> int:
        """The weight of a call with these parameters."""
        return self.weight if isinstance(self.weight, int) else self.weight(params)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over the wire."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def error_reply(error: ApiError) -> Reply:
    """Binance's error object."""
    return Reply(orjson.dumps({"code": error.code, "msg": error.msg}), error.status, dict(error.headers))
