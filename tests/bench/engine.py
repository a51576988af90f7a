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

    The journal is emptied every few hundred orders, as it is in the exchange; turning it into rows is not counted.
    """
    info = load_recording(data).exchange_info
    journal = Journal()
    engine = SpotEngine({entry["symbol"]: rules_of(entry) for entry in info["symbols"]}, journal)
    for account in stocked.accounts:
        engine.deposit(account.account_id, "USDT", RICH, 0)
    orders = list(random_orders(stocked, count, random.Random(0)))
    gc.collect()
    seconds = 0.0
    for start in range(0, count, RENEW):
        market, group = moved_on(stocked, start), orders[start : start + RENEW]
        began = time.process_time()
        for number, order in enumerate(group, start):
            engine.place(order, market[order.symbol], number)
        seconds += time.process_time() - began
        journal.take()
    return count / seconds
