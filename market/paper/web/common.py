"""Endpoints that are the same in every market."""

from __future__ import annotations

from typing import Any

from market.paper.web.call import Call


def ping(call: Call) -> dict[str, Any]:
    """GET ping."""
    return {}


def server_time(call: Call) -> dict[str, int]:
    """GET time."""
    return {"serverTime": call.server_ms}
