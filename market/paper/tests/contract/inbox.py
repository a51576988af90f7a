"""Where the streams of a client leave what they parsed, and where a test waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = 15


class Inbox:
    """All that has come, in order."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self._readers: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()

    def put(self, *found: object) -> None:
        self.seen += found
        self._news.set()

    async def first(self, kind: type[T], wanted: Callable[[T], bool] = lambda _: True) -> T:
        """Wait for the first of a kind that is as wanted."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while True:
                    self._news.clear()
                    for found in self.seen:
                        if isinstance(found, kind) and wanted(found):
                            return found
                    await self._news.wait()
        except TimeoutError as error:
            raise AssertionError(f"no such {kind.__name__} among {self.seen[-10:]}") from error

    def read(self, receive: Callable[[], Awaitable[Any]], parse: Callable[[Any], None]) -> None:
        """Receive and parse for ever, in the background."""

        async def forever() -> None:
            while True:
                parse(await receive())

        self._readers.append(asyncio.create_task(forever()))

    async def close(self) -> None:
        """End the readers; what broke one of them is raised here."""
        reading = set(self._readers)
        while reading:
            for reader in reading:
                reader.cancel()  # more than once: asyncio.wait_for loses a cancellation that meets a message
            _, reading = await asyncio.wait(reading, timeout=0.1)
        for reader in self._readers:
            if not reader.cancelled() and (error := reader.exception()):
                raise error
