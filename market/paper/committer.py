"""Group commit: effects that arrive while the disk is busy share the next transaction; their answers wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from market.paper.engine.effects import Effects
from market.paper.ledger import Ledger


class Committer:
    """Carries effects to disk in the order they happened. ``on_committed`` hears of every batch that is safe."""

    def __init__(self, ledger: Ledger, on_committed: Callable[[Effects], None]) -> None:
        self._ledger = ledger
        self._on_committed = on_committed
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._waiting = Effects()
        self._next: asyncio.Future[None] = self._loop.create_future()
        self._current: asyncio.Future[None] | None = None
        self._work = asyncio.Event()

    async def commit(self, effects: Effects) -> None:
        """Return when the effects are on disk. Memory already has them: the order is that of the calls."""
        if effects:
            self._waiting.extend(effects)
            self._work.set()
            await asyncio.shield(self._next)

    async def settled(self) -> None:
        """Return when everything that has happened so far is on disk."""
        if self._waiting:
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
        await self.settled()
        self._thread.shutdown()

    async def _write_batch(self) -> None:
        batch, done = self._waiting, self._next
        self._waiting, self._next = Effects(), self._loop.create_future()
        self._current = done
        self._work.clear()
        await self._loop.run_in_executor(self._thread, self._ledger.commit, batch)
        self._current = None
        done.set_result(None)
        self._on_committed(batch)
