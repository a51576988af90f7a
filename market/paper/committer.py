"""Group commit: what happens in the same moments shares a transaction, and every answer waits for its own.

The event loop itself writes. A thread would take turns with it anyway (the interpreter runs one of them at a time), and
measured a third slower. What arrives while the disk is busy waits in the sockets and becomes the next group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from market.paper.engine.journal import Batch, Journal
from market.paper.ledger import Ledger

# A group is complete when a round of the event loop adds nobody who waits for it, or after so many rounds.
MOST_ROUNDS = 20
# A pause this long is a good moment for the ledger's housekeeping, which would make somebody wait at another.
QUIET_SECONDS = 0.5


class Committer:
    """Carries the journal to disk. ``on_committed`` hears of every batch that is safe."""

    def __init__(self, ledger: Ledger, journal: Journal, on_committed: Callable[[Batch], None]) -> None:
        self._ledger = ledger
        self._journal = journal
        self._on_committed = on_committed
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[None]] = []
        self._failed: asyncio.Future[None] = self._loop.create_future()
        self._groups = 0

    async def flush(self) -> None:
        """Return when everything that has happened so far is on disk; never, once a write has failed."""
        if not self._waiting:
            if not self._journal:
                return
            self._loop.call_soon(self._gather, 0, MOST_ROUNDS)
        written = self._loop.create_future()
        self._waiting.append(written)
        await written

    async def run(self) -> None:
        """Wait for an error of the disk and raise it: memory is then ahead of the disk, and the process must end."""
        tidied = 0
        while not self._failed.done():
            groups = self._groups
            await asyncio.wait([self._failed], timeout=QUIET_SECONDS)
            if tidied != groups == self._groups:
                self._ledger.tidy()
                tidied = groups
        self._failed.result()

    def fail(self, error: Exception) -> None:
        """Write nothing any more, answer nobody, and let ``run`` raise the error."""
        if not self._failed.done():
            self._failed.set_exception(error)

    async def close(self) -> None:
        """Write what is left, unless a write has failed; call it when nothing new arrives any more."""
        rest = asyncio.ensure_future(self.flush())
        await asyncio.wait([rest, self._failed], return_when=asyncio.FIRST_COMPLETED)
        rest.cancel()

    def _gather(self, waited: int, rounds: int) -> None:
        """Write, or give those whose requests are being read the chance to be in the same group."""
        if len(self._waiting) > waited and rounds:
            self._loop.call_soon(self._gather, len(self._waiting), rounds - 1)
            return
        if self._failed.done():
            return
        try:
            self._write()
        except Exception as error:
            # Those who wait stay in the list: nobody is answered, and no later group is written.
            self.fail(error)

    def _write(self) -> None:
        batch = self._journal.take()
        self._ledger.commit(batch)
        self._groups += 1
        waiting, self._waiting = self._waiting, []
        for written in waiting:
            if not written.done():  # its client has gone away
                written.set_result(None)
        self._on_committed(batch)
