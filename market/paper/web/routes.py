"""Every endpoint of the process, found by method and path."""

from __future__ import annotations

from market.paper.web import admin, faults
from market.paper.web.futures import routes as futures
from market.paper.web.spot import routes as spot

ENDPOINTS = [*spot.ENDPOINTS, *futures.ENDPOINTS, *admin.ENDPOINTS, *faults.ENDPOINTS]

ROUTES = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}
PATHS = {endpoint.path for endpoint in ENDPOINTS}
