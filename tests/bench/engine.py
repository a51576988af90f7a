"""How fast the engine alone is: no wire, no disk, one core."""

from __future__ import annotations

import random
import time
from pathlib import Path

from market.paper.engine.journal import Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import rules_of
from market.paper.prices.recording import load_recording
from tests.bench.stock import RENEW, RICH, Stocked, place_some


def orders_per_second(data: Path, stocked: Stocked, count: int) -> float:
    """Market orders, each filled at once, of random accounts and symbols. The journal keeps everything."""
    info = load_recording(data).exchange_info
    engine = SpotEngine({entry["symbol"]: rules_of(entry) for entry in info["symbols"]}, Journal())
    for account in stocked.accounts:
        engine.deposit(account.account_id, "USDT", RICH, 0)
    dice = random.Random(0)
    began = time.perf_counter()
    for first in range(0, count, RENEW):
        place_some(engine, stocked, range(first, first + RENEW), dice)
    return count / (time.perf_counter() - began)
