"""Fundings of an exchange that starts just when one is due."""

import asyncio
import time

from market.paper.__main__ import read_options
from market.paper.build import build_exchange
from market.paper.engine.futures.engine import FuturesEngine
from market.paper.engine.journal import Batch
from market.paper.engine.tables import SETTINGS
from market.paper.ledger import Ledger
from market.paper.prices.funding import next_funding_ms


def test_a_funding_that_falls_due_while_the_recordings_are_read_is_paid(tmp_path, monkeypatch):
    paid_at: set[int] = set()
    monkeypatch.setattr(FuturesEngine, "settle_funding", lambda _self, _symbol, _rate, _mark, at_ms: paid_at.add(at_ms))
    ledger, due_ms = Ledger(tmp_path / "ledger.sqlite3"), next_funding_ms(int(time.time() * 1000) + 60_000)
    ledger.commit(Batch([(SETTINGS, [("clock", str(due_ms - 1))])], []))

    async def start() -> None:
        exchange = await build_exchange(read_options(["--ledger", str(ledger.path)]), ledger)
        exchange.match(exchange.now_ms())

    asyncio.run(start())

    assert paid_at == {due_ms}
