"""The paper exchange of a stack: how many symbols it needs, and what it has counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

INTERVALS, RECORDED_SYMBOLS = 8, 4


def options_for(series: int) -> tuple[str, ...]:
    """What the exchange is told so that so many spot series can be traded."""
    return ("--copies", str(max(-(-series // INTERVALS) - RECORDED_SYMBOLS, 0)))


def stats(environment: Mapping[str, str]) -> dict[str, Any]:
    """Requests by endpoint, answers by status, and more."""
    headers = {"X-Paper-Token": environment["PAPER_ADMIN_TOKEN"]}
    with urlopen(Request(f"{environment['PAPER_URL']}/paper/stats", headers=headers), timeout=10) as reply:
        found: dict[str, Any] = json.load(reply)
    return found
