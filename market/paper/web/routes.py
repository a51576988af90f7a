"""Every endpoint of the process, found by method and path."""

from __future__ import annotations

from market.paper.web import admin
from market.paper.web.spot import routes as spot

ENDPOINTS = [*spot.ENDPOINTS, *admin.ENDPOINTS]

ROUTES = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}
PATHS = {endpoint.path for endpoint in ENDPOINTS}
