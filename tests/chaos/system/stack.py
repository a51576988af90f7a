"""The stack that is injured: two workers with failpoints and two beats; nothing of it waits for the disk."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from ops.stack import services
from ops.stack.servers import free_port
from ops.stack.service import Service
from tests.chaos.system.worker import FACTOR
from tests.system import stack as stacks
from tests.system.stack import NotRunning

WEB, APPLICATION = "web", "tests.chaos.system.web"
WORKERS = ("worker-1", "worker-2")
QUEUES = "high_priority,trading,data_sync,default"
# As many requests as it takes: how many one client may send is another matter.
UNTHROTTLED = {f"THROTTLE_{name}": "1000000" for name in ("ADDRESS", "USER", "TOKEN", "ACTS")}
OPTIONS = {
    # A killed process leaves what it wrote to the operating system, so waiting for the disk would prove nothing more.
    "postgres": ("-c", "fsync=off", "-c", "full_page_writes=off"),
    # Orders of 1,000 USDT take several levels of such a book: most of them have several fills.
    "paper": ("--level-quote", "300", "--levels", "1000"),
}
WEIGHT_LIMIT = 6000  # a minute, where time is not shortened

__all__ = ["WEB", "WORKERS", "NotRunning", "Stack", "temporary"]


class Stack(stacks.Stack):
    """Everything but the fleet."""

    def __init__(self, directory: Path, *, plant: str = "", factor: float = FACTOR) -> None:
        limit = ("--weight-limit", str(round(WEIGHT_LIMIT * factor)))
        super().__init__(directory, options=OPTIONS | {"paper": OPTIONS["paper"] + limit})
        self.failpoints = directory / "failpoints"
        self.failpoints.mkdir()
        self.environment |= {
            "CHAOS_FAILPOINTS": str(self.failpoints),
            "CHAOS_FACTOR": str(factor),
            "MAX_BOT_ENTRIES_PER_HOUR": "1000000",  # nobody is there to start again whoever enters too often
            "CHAOS_PLANT": plant,
            "CHAOS_HANDS": str(directory / "hands"),
            "WEB_PORT": str(free_port()),
            **UNTHROTTLED,
        }
        (directory / "hands").mkdir()
        self.add(self._web())
        for name in WORKERS:
            self.add(self._worker(name))
        for name in ("beat", "beat-2"):
            self.add(replace(services.beat(self.environment), name=name))

    def _web(self) -> Service:
        web = services.web(self.environment)
        argv = [APPLICATION if word == "tradebot_site.wsgi" else word for word in web.argv]
        return replace(web, argv=argv)

    def _worker(self, name: str) -> Service:
        options = ["-Q", QUEUES, "-c", "2", "-n", f"{name}@%h", "-l", "INFO", "--without-mingle", "--without-gossip"]
        return Service(
            name=name,
            argv=[sys.executable, "-m", "tests.chaos.system.worker", "worker", *options],
            environment=self.environment,
            ready_line=rf"{name}@\S+ ready\.",
        )


def temporary(*, plant: str = "", factor: float = FACTOR) -> AbstractContextManager[Stack]:
    """A stack in a directory of its own, with its servers up."""
    return stacks.temporary(partial(Stack, plant=plant, factor=factor))
