"""How fast the engine alone is: no wire, no disk, one core."""

from __future__ import annotations

import gc
import random
import time
from pathlib import Path

from market.paper.engine.journal import Journal
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import rules_of
from market.paper.prices.recording import load_recording
from tests.bench.stock import RENEW, RICH, Stocked, moved_on, random_orders


def orders_per_second(data: Path, stocked: Stocked, count: int) -> float:
    """Market orders, each filled at once, of random accounts and symbols, by processor time.

    The journal keeps everything; nothing turns it into rows.
    """
    info = load_recording(data).exchange_info
    engine = SpotEngine({entry["symbol"]: rules_of(entry) for entry in info["symbols"]}, Journal())
    for account in stocked.accounts:
        engine.deposit(account.account_id, "USDT", RICH, 0)
    orders = list(random_orders(stocked, count, random.Random(0)))
    markets = [moved_on(stocked, number) for number in range(0, count, RENEW)]
    gc.collect()
    began = time.process_time()
    for number, order in enumerate(orders):
        engine.place(order, markets[number // RENEW][order.symbol], number)
    return count / (time.process_time() - began)
