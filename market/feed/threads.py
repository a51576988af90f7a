"""What blocks (Redis, REST, the database), beside the event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Threads:
    """A few threads that do one thing after the other. The process may end while they are busy: they are daemons.

    The threads of the standard library's executor would be waited for, for as long as an exchange that hangs.
    """

    def __init__(self, name: str, count: int) -> None:
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    async def do(self, call: Callable[[], T]) -> T:
        """What ``call`` returns or raises, done by the next thread that is free."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((call, loop, future))
        return await future

    def _work(self) -> None:
        while True:
            call, loop, future = self._jobs.get()
            if future.done():  # who asked has gone away meanwhile
                continue
            try:
                tell = _teller(future.set_result, future, call())
            except Exception as error:
                tell = _teller(future.set_exception, future, error)
            with suppress(RuntimeError):  # the loop is over, and nobody waits
                loop.call_soon_threadsafe(tell)


def _teller(tell: Callable[[Any], None], future: "asyncio.Future[Any]", outcome: object) -> Callable[[], None]:
    return lambda: None if future.done() else tell(outcome)
