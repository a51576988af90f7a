"""Group commit: what changes while the disk is busy shares the next transaction; the answers wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from market.paper.engine.journal import Batch, Journal
from market.paper.ledger import Ledger


class Committer:
    """Carries the journal to disk. ``on_committed`` hears of every batch that is safe."""

    def __init__(self, ledger: Ledger, journal: Journal, on_committed: Callable[[Batch], None]) -> None:
        self._ledger = ledger
        self._journal = journal
        self._on_committed = on_committed
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._next: asyncio.Future[None] = self._loop.create_future()
        self._current: asyncio.Future[None] | None = None
        self._work = asyncio.Event()

    async def flush(self) -> None:
        """Return when everything that has happened so far is on disk."""
        if self._journal:
            self._work.set()
            await asyncio.shield(self._next)
        elif self._current is not None:
            await asyncio.shield(self._current)

    async def run(self) -> None:
        """Write batches for ever. An error ends it: memory is then ahead of the disk and the process must not go on."""
        while True:
            await self._work.wait()
            await self._write_batch()

    async def close(self) -> None:
        """Wait for what is left; call it when nothing new arrives any more."""
        await self.flush()
        self._thread.shutdown()

    async def _write_batch(self) -> None:
        batch, done = self._journal.take(), self._next
        self._next = self._loop.create_future()
        self._current = done
        self._work.clear()
        await self._loop.run_in_executor(self._thread, self._ledger.commit, batch)
        self._current = None
        done.set_result(None)
        self._on_committed(batch)
