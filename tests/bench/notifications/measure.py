"""The run: blocks, who is told what when, what is printed."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

from ops.stack import services
from ops.stack.servers import free_port
from ops.stack.service import Service
from tests.bench import BenchmarkFailed, machine
from tests.bench.notifications.judging import judge, unsettled
from tests.bench.notifications.spread import compared
from tests.system import stack as stacks
from tests.system.broker import Broker
from tests.system.stack import Stack

TRADING, TELLING, RECEIVERS = "worker-trading", "worker-notifications", "receivers"
FLEET, DISTRIBUTE = "tests.bench.orders.fleet", "ops.tasks.distribute_notifications"
EVERY_SECONDS = 5  # as beat does
QUIET_SECONDS = 300  # until what was asked for is sent, or has waited for a server that hangs
LATE_SECONDS = 15  # after a block, for its last orders
ORDER_EXPIRES_SECONDS = 30
MOST_MISSING = 0.05  # of a block's orders: a bot without a candle waits for the next tick


@dataclass(frozen=True)
class Size:
    """How many of everything. In a block every bot enters and leaves, so many of them a second."""

    count: int
    pairs: int
    bots: int
    accounts: int
    per_second: float
    drain_seconds: float
    warm_up_blocks: int
    mail_seconds: int = 10  # so long we wait for a mail server that hangs (EMAIL_TIMEOUT)


FULL = Size(
    count=10_000, pairs=6, bots=160, accounts=10, per_second=8, drain_seconds=1_500, warm_up_blocks=1, mail_seconds=10
)
QUICK = Size(count=40, pairs=1, bots=4, accounts=2, per_second=4, drain_seconds=2, warm_up_blocks=0, mail_seconds=1)


def run(*, quick: bool = False, count: int | None = None) -> dict[str, Any]:
    """Measure. Raises BenchmarkFailed where orders are missing."""
    size = QUICK if quick else FULL
    size = replace(size, count=count or size.count)
    home = machine.ROOT / ".local"  # as orders: this is about promises of a disk
    home.mkdir(exist_ok=True)
    with stacks.temporary(partial(_stack, size=size), parent=home) as stack:
        return _Run(stack, size).measured() | {"size": vars(size), "machine": machine.describe()}


def _stack(directory: Path, size: Size) -> Stack:
    """Production's servers and two of its workers; the receivers of others."""
    stack = Stack(directory, options={"paper": ("--weight-limit", "1000000")})
    folder, mail_port, web_port = Path(tempfile.mkdtemp(prefix="told-", dir=directory)), free_port(), free_port()
    stack.environment |= {
        "BENCH_TIMES": tempfile.mkdtemp(prefix="times-", dir=directory),
        "BENCH_TOLD": str(folder),
        "BENCH_WEB_PORT": str(web_port),
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
        "EMAIL_TIMEOUT": str(size.mail_seconds),
        "WEBHOOK_INTERNAL_HOSTS": f"localhost:{web_port}",
    }
    trading = services.worker(stack.environment, "trading")
    options = trading.argv[len(services.CELERY) :]
    stack.add(replace(trading, argv=[sys.executable, "-m", "tests.bench.orders.worker", *options]))
    trusting = stack.environment | {"REQUESTS_CA_BUNDLE": str(folder / "ca.pem")}
    stack.add(services.worker(trusting, "notifications"))
    argv = [sys.executable, "-m", "tests.bench.notifications.receivers", str(folder), str(mail_port), str(web_port)]
    stack.add(Service(RECEIVERS, argv, stack.environment, ready_line="receivers: ready"))
    return stack


@dataclass
class Block:
    """What was measured between two moments."""

    times: list[dict[str, float]]
    seconds: float
    busy: dict[str, float]  # processor time by process


class _Run:
    def __init__(self, stack: Stack, size: Size) -> None:
        self._stack, self._size = stack, size
        self._times, self._told = Path(stack.environment["BENCH_TIMES"]), Path(stack.environment["BENCH_TOLD"])
        self._broker = Broker(stack.environment)
        self._is_telling = False
        self._bots: list[int] = []

    def measured(self) -> dict[str, Any]:
        """All figures."""
        size, began = self._size, time.monotonic()
        named = ["--name", "many", "--owners", str(size.accounts), "--accounts", str(size.accounts)]
        self._bots = json.loads(self._stack.run("-m", FLEET, "make", *named, "--bots", str(size.bots)))
        self._stack.start(RECEIVERS, TRADING, TELLING)
        (self._told / "hangs").touch()
        for _ in range(size.warm_up_blocks):
            self._block()
        without, with_storm, told = [], [], 0
        for number in range(size.pairs):
            without.append(self._block())
            share = size.count * (number + 1) // size.pairs - told
            told += share
            news = map(str, (number, share, self._stack.environment["BENCH_WEB_PORT"]))
            self._stack.run("-m", "tests.bench.notifications.people", *news)
            with_storm.append(self._block(is_storm=True))
        drained = self._drain()
        return {
            **judge(self._stack.database, self._told / "ledger", told),
            "seconds_to_drain": drained,
            **_latencies(without, with_storm),
            "orders": {"without": _count(without), "with": _count(with_storm)},
            "busy_cores": {"without": _busy(without), "with": _busy(with_storm)},
            "seconds": round(time.monotonic() - began),
        }

    def _block(self, *, is_storm: bool = False) -> Block:
        """Every bot enters and leaves at a steady pace, while people are told what is new, or nobody is."""
        known, before, began = len(self._read_times()), self._busy(), time.monotonic()
        self._tell(go_on=is_storm)
        for act in ("enter", "leave"):
            self._stack.run("-m", FLEET, act, "--name", "many")
            self._trade()
        wanted = known + 2 * len(self._bots)
        self._stack.wait_until(lambda: len(self._read_times()) >= wanted, LATE_SECONDS)
        busy = {name: used - before[name] for name, used in self._busy().items()}
        seconds, times = time.monotonic() - began, self._read_times()[known:]
        if len(times) < (1 - MOST_MISSING) * 2 * len(self._bots):
            raise BenchmarkFailed(f"{len(times)} of {2 * len(self._bots)} orders were made: {self._stack.died}")
        self._tell(go_on=False)
        if is_storm:
            self._stack.wait_until(lambda: not self._waiting(), QUIET_SECONDS, "the worker of notifications rests")
        return Block(times, seconds, busy)

    def _trade(self) -> None:
        began = time.monotonic()
        for number, bot in enumerate(self._bots):
            due = began + number / self._size.per_second
            self._stack.wait_until(lambda due=due: time.monotonic() >= due, 60)  # type: ignore[misc]
            self._broker.send("bots.tasks.run_bot", bot, expires=ORDER_EXPIRES_SECONDS, sent=time.time())

    def _tell(self, *, go_on: bool) -> None:
        """Ask for it as beat does, from now on; or no more. What nobody asks for waits in the database."""
        if go_on and not self._is_telling:
            self._is_telling = True
            self._ask()
        self._is_telling = go_on

    def _ask(self) -> None:
        if self._is_telling:
            self._broker.send(DISTRIBUTE, queue="default", expires=EVERY_SECONDS)
            self._stack.later(EVERY_SECONDS, self._ask)

    def _waiting(self) -> int:
        return sum(int(self._broker.redis.llen(queue)) for queue in ("default", "notifications"))

    def _drain(self) -> float:
        """The mail server is well again: how long until all is sent or given up; as long as we wait, if it is not."""
        (self._told / "hangs").unlink()
        began = time.monotonic()
        self._tell(go_on=True)
        self._stack.wait_until(lambda: not unsettled(self._stack.database), self._size.drain_seconds)
        self._tell(go_on=False)
        self._stack.finish_later()
        return round(time.monotonic() - began, 1)

    def _read_times(self) -> list[dict[str, float]]:
        lines = [line for path in self._times.iterdir() for line in path.read_text().splitlines()]
        return sorted(map(json.loads, lines), key=itemgetter("booked_at"))

    def _busy(self) -> dict[str, float]:
        names = (TRADING, TELLING, RECEIVERS, "paper", "postgres", "redis")
        used = {name: machine.tree_seconds(self._stack.pid(name)) for name in names} | {"bench": time.process_time()}
        return used | {"others": machine.machine_seconds() - sum(used.values())}


def _latencies(without: list[Block], with_storm: list[Block]) -> dict[str, Any]:
    """Milliseconds: ``order_ms`` from intended to answered, ``whole_ms`` from the task's sending until it is booked."""
    found: dict[str, Any] = {}
    for name, step in (("order_ms", "order"), ("whole_ms", "whole")):
        both = [[[each[step] for each in block.times] for block in blocks] for blocks in (without, with_storm)]
        found[name] = {f"p{percent}": compared(both[0], both[1], percent) for percent in (50, 99)}
    return found


def _count(blocks: list[Block]) -> int:
    return sum(len(block.times) for block in blocks)


def _busy(blocks: list[Block]) -> dict[str, float]:
    seconds = sum(block.seconds for block in blocks)
    return {name: round(sum(block.busy[name] for block in blocks) / seconds, 3) for name in blocks[0].busy}
