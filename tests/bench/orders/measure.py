"""The run: what is started, who trades when, what is printed."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg

from ops.audit import audit
from ops.stack import services
from tests.bench import BenchmarkFailed, machine
from tests.bench.orders.limits import limits
from tests.bench.orders.stopwatch import STEPS
from tests.system import stack as stacks
from tests.system.broker import Broker
from tests.system.stack import Stack

WORKER, TASK = "worker-trading", "bots.tasks.run_bot"
OTHERS = "others"
EXPIRES_SECONDS = 30
# Beyond what is under way: enough that no process ever waits for a task, so few that waiting is not what is measured.
WAITING = 16
LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 20  # with orders that are due
# A bot may have had no candle, price or clock that it could trust just then: in production the next tick comes.
MOST_TIMES = 3
UNDONE_SQL = """
    SELECT b.id FROM bots_botconfig b JOIN trades_position p ON p.id = b.position_id
     WHERE b.id = ANY(%s) AND (abs(p.quantity) >= p.smallest_quantity) <> %s
"""
BOOKED_SQL = """
    SELECT count(*) FROM trades_trade t JOIN trades_order o ON o.id = t.order_id WHERE o.status = 'filled'
"""
WHY_NOT_SQL = """
    SELECT o.status, o.error, count(*) FROM trades_order o WHERE o.status <> 'filled' GROUP BY 1, 2
    UNION ALL
    SELECT s.reason, s.message, count(*) FROM bots_botstate s WHERE s.reason <> '' GROUP BY 1, 2
     ORDER BY 3 DESC LIMIT 3
"""


@dataclass(frozen=True)
class Size:
    """How many of everything. One account may enter 600 times a minute."""

    owners: int
    accounts: int
    bots: int
    rounds: int  # in each of which every bot enters and leaves
    limit_seconds: float
    limit_orders: int


FULL = Size(owners=15, accounts=30, bots=480, rounds=4, limit_seconds=3.0, limit_orders=5000)
QUICK = Size(owners=2, accounts=2, bots=4, rounds=1, limit_seconds=0.1, limit_orders=50)


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure. Raises BenchmarkFailed, also when an order is missing or the books differ from the exchange's."""
    size = QUICK if quick else FULL
    home = machine.ROOT / ".local"  # not /tmp, which may be memory: this is about promises of a disk
    home.mkdir(exist_ok=True)
    with stacks.temporary(_stack, parent=home) as stack:
        return _Run(stack, size).measured() | {"size": vars(size), "machine": machine.describe()}


def _stack(directory: Path) -> Stack:
    """Production's servers, with weight enough for any rush, and its worker for trading, with a watch."""
    stack = Stack(directory, options={"paper": ("--weight-limit", "1000000")})
    stack.environment["BENCH_TIMES"] = tempfile.mkdtemp(prefix="times-", dir=directory)
    usual = services.worker(stack.environment, "trading")
    options = usual.argv[len(services.CELERY) :]
    stack.add(replace(usual, argv=[sys.executable, "-m", "tests.bench.orders.worker", *options]))
    return stack


@dataclass
class Phase:
    """Every bot of a fleet has made one order."""

    times: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0  # from the first that was sent to the last that was booked
    busy: dict[str, float] = field(default_factory=dict)  # processor time by process

    def __add__(self, other: Phase) -> Phase:
        busy = {name: self.busy.get(name, 0) + other.busy[name] for name in other.busy}
        return Phase(self.times + other.times, self.seconds + other.seconds, busy)

    @property
    def busy_with_us(self) -> float:
        return sum(seconds for name, seconds in self.busy.items() if name != OTHERS)

    @property
    def per_second(self) -> float:
        return round(len(self.times) / self.seconds, 1)


class _Run:
    """One fleet of many owners, then one of the same size that is all one owner's."""

    def __init__(self, stack: Stack, size: Size) -> None:
        self._stack, self._size = stack, size
        self._times = Path(stack.environment["BENCH_TIMES"])
        self._broker = Broker(stack.environment)
        self._orders = self._sent_again = 0

    def measured(self) -> dict[str, Any]:
        """All figures."""
        many, one = self._fleet("many", owners=self._size.owners), self._fleet("one", owners=1)
        self._stack.start(WORKER)
        self._round("many", many)  # until everything is warm
        entries, exits = Phase(), Phase()
        for _ in range(self._size.rounds):
            entered, left = self._round("many", many)
            entries, exits = entries + entered, exits + left
        entries_of_one, exits_of_one = self._round("one", one)
        orders = entries + exits
        return {
            "orders_per_second": orders.per_second,
            "entries_per_second": entries.per_second,
            "exits_per_second": exits.per_second,
            "orders_per_second_one_owner": (entries_of_one + exits_of_one).per_second,
            "entries_per_second_one_owner": entries_of_one.per_second,
            "orders": len(orders.times),
            "sent_again": self._sent_again,
            "step_ms": _percentiles(orders.times),
            "entry_step_ms": _percentiles(entries.times),
            "entry_step_ms_one_owner": _percentiles(entries_of_one.times),
            # Cores kept busy while orders were measured; what others took of the machine is missing in the figures.
            "busy_cores": {name: round(used / orders.seconds, 2) for name, used in orders.busy.items()},
            "cpu_ms_per_order": round(1000 * orders.busy_with_us / len(orders.times), 2),
            "audit": self._audit(),
            "limits": limits(self._stack, seconds=self._size.limit_seconds, orders=self._size.limit_orders),
        }

    def _fleet(self, name: str, *, owners: int) -> list[int]:
        size = self._size
        numbers = {"owners": owners, "accounts": size.accounts, "bots": size.bots}
        named = [part for option, number in numbers.items() for part in (f"--{option}", str(number))]
        printed = self._stack.run("-m", "tests.bench.orders.fleet", "make", "--name", name, *named)
        bots: list[int] = json.loads(printed)
        return bots

    def _round(self, name: str, bots: list[int]) -> tuple[Phase, Phase]:
        """Let all of them enter, then leave."""
        return self._phase("enter", name, bots), self._phase("leave", name, bots)

    def _phase(self, act: str, name: str, bots: list[int]) -> Phase:
        self._stack.run("-m", "tests.bench.orders.fleet", act, "--name", name)
        known, before = len(self._read_times()), self._busy()
        began = time.time()
        self._orders += len(bots)
        undone = bots
        for _ in range(MOST_TIMES):
            self._send(undone)
            self._stack.wait_until(lambda: len(self._read_times()) >= known + len(bots), PATIENCE_SECONDS)
            undone = self._undone(bots, is_open=act == "enter")
            if not undone:
                break
            self._sent_again += len(undone)
        times = self._read_times()[known:]
        self._require_all()
        busy = {process: used - before[process] for process, used in self._busy().items()}
        return Phase(times, max(each["booked_at"] for each in times) - began, busy)

    def _send(self, bots: list[int]) -> None:
        """Keep a few tasks waiting until each bot had its own."""
        for number, bot in enumerate(bots):
            deadline = time.monotonic() + PATIENCE_SECONDS
            while number % WAITING == 0 and self._broker.waiting() > WAITING:
                if time.monotonic() > deadline:
                    raise BenchmarkFailed(f"the worker takes no tasks: {self._stack.died}")
                self._stack.tend()
                time.sleep(LOOK_SECONDS)
            self._broker.send(TASK, bot, expires=EXPIRES_SECONDS, sent=time.time())

    def _undone(self, bots: list[int], *, is_open: bool) -> list[int]:
        """Those whose position is not as it should be by now."""
        with psycopg.connect(**self._stack.database) as connection:
            return [row[0] for row in connection.execute(UNDONE_SQL, [bots, is_open])]

    def _read_times(self) -> list[dict[str, float]]:
        lines = [line for path in self._times.iterdir() for line in path.read_text().splitlines()]
        return sorted(map(json.loads, lines), key=itemgetter("booked_at"))

    def _require_all(self) -> None:
        """Every order that was asked for is filled and booked, and there is no other. Raises BenchmarkFailed."""
        with psycopg.connect(**self._stack.database) as connection:
            (booked,) = connection.execute(BOOKED_SQL).fetchone() or (0,)
            why = connection.execute(WHY_NOT_SQL).fetchall()
        if booked != self._orders:
            raise BenchmarkFailed(f"{booked} of {self._orders} orders are booked: {why} {self._stack.died}")

    def _busy(self) -> dict[str, float]:
        """Processor time of everything that takes part, in seconds."""
        names = (WORKER, "paper", "postgres", "redis")
        used = {name: machine.tree_seconds(self._stack.pid(name)) for name in names} | {"bench": time.process_time()}
        return used | {OTHERS: machine.machine_seconds() - sum(used.values())}

    def _audit(self) -> dict[str, int]:
        findings = audit(self._stack.database, self._stack.ledger, at_rest=True)
        if not findings.is_clean or findings.pending:
            raise BenchmarkFailed(f"the books differ from the exchange's: {vars(findings)}")
        return {"booked": self._orders} | findings.counts


def _percentiles(times: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """p50 and p99 of each step."""
    found = {}
    for step in STEPS:
        of_step = sorted(each[step] for each in times)
        found[step] = {
            "p50": round(of_step[len(of_step) // 2], 2),
            "p99": round(of_step[len(of_step) * 99 // 100], 2),
        }
    return found
