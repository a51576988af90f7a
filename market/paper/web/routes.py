"""Every endpoint of the process, found by method and path."""

from __future__ import annotations

from typing import NoReturn

from market.paper.engine.types import Market
from market.paper.web import admin, faults
from market.paper.web.call import Call, Endpoint
from market.paper.web.errors import ApiError
from market.paper.web.futures import routes as futures
from market.paper.web.spot import routes as spot

ENDPOINTS = [*spot.ENDPOINTS, *futures.ENDPOINTS, *admin.ENDPOINTS, *faults.ENDPOINTS]

ROUTES = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}
PATHS = {endpoint.path for endpoint in ENDPOINTS}


def unknown(path: str) -> Endpoint:
    """What answers where there is no endpoint: it is metered like all others."""
    market: Market = "futures" if path.startswith("/fapi") else "spot"
    return Endpoint("unknown", "method" if path in PATHS else "path", _refuse, market)


def _refuse(call: Call) -> NoReturn:
    if call.endpoint.path == "method":
        raise ApiError(-1000, "This method is not supported here.", 405)
    raise ApiError(-1000, "Unknown path.", 404)
