"""The run: what is started, which ticks there are, what is printed."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from market.logs.reading import read_all
from ops.stack import services
from tests.bench import BenchmarkFailed, machine
from tests.system import paper
from tests.system import stack as stacks
from tests.system.broker import Broker
from tests.system.stack import Stack

WORKER, TICK, RUN = "worker-trading", "bots.tasks.run_all_active_bots", "bots.tasks.run_bot"
IDLE_TICKS = 5
# So many of a hundred bots hold something, with a stop and a target that rest; and so many change in an idle tick.
HELD_PERCENT, CHANGED_PERCENT = 10, 1
PATIENCE_SECONDS = 60
# How often we look whether a tick, or the orders of one, are done: looking takes of the machine, too.
TICK_SECONDS, ORDERS_SECONDS = 0.002, 0.05
HOLD_SQL = """
    WITH held AS (
        UPDATE trades_position p
           SET quantity = ceil(100 / r.price / p.smallest_quantity) * p.smallest_quantity, round = 1,
               opened_at = now() + interval '1 day', entry_price = r.price  -- no signal to leave is younger
          FROM bots_botconfig b, bots_seriesreading r
         WHERE b.position_id = p.id AND b.id %% 100 < %(percent)s AND r.symbol = b.symbol AND r.interval = b.interval
     RETURNING p.id, p.account_id, p.quantity, p.entry_price, CASE WHEN r.price < 10 THEN 0.0001 ELSE 0.01 END AS tick
    )
    INSERT INTO trades_order (position_id, account_id, client_order_id, list_client_id, signal_key, attempt, purpose,
                              side, type, quantity, filled_quantity, price, reference_price, status, reason, error,
                              round, leg, reduce_only, created_at, signed_at, proof_deadline)
    SELECT held.id, held.account_id, format('tb-%%s-%%s', held.id, leg.type), '', leg.type, 1, 'protection', 'SELL',
           leg.type, held.quantity, 0, floor(held.entry_price * leg.part / held.tick) * held.tick, held.entry_price,
           'open', 'bench', '', 1, 0, false, now(), now(), now()
      FROM held, (VALUES ('stop', 0.98), ('target', 1.03)) AS leg(type, part)
"""
CHANGE_SQL = "UPDATE bots_botstate SET status = 'pending', reason = '' WHERE bot_id %% 100 < %s"
ACT_SQL = """
    UPDATE bots_botconfig
       SET strategy = 'always', parameters = '{}', stop_loss_percent = NULL, take_profit_percent = NULL
     WHERE id IN (
        SELECT b.id FROM bots_botconfig b JOIN trades_position p ON p.id = b.position_id
         WHERE p.quantity = 0 AND b.interval = '1m' AND b.strategy <> 'always' ORDER BY md5(b.id::text) LIMIT %s)
"""
BUSIEST_SQL = """
    SELECT coalesce(max(count), 0) FROM (
        SELECT count(*) FROM trades_order WHERE created_at >= to_timestamp(%s) AND purpose = 'entry'
         GROUP BY date_trunc('second', signed_at)) AS sent
"""
BOOKED_SQL = """
    SELECT extract(epoch FROM o.finished_at)::float8 FROM trades_order o
     WHERE o.created_at >= to_timestamp(%s) AND o.purpose = 'entry' AND o.status = 'filled'
"""
WHY = (
    "SELECT bots, parts, parts_done, acting FROM bots_tick",
    "SELECT status, reason, min(message), count(*) FROM bots_botstate GROUP BY 1, 2",
    "SELECT purpose, status, min(error), count(*) FROM trades_order GROUP BY 1, 2",
)


@dataclass(frozen=True)
class Ticked:
    """One tick."""

    seconds: float  # from the message in the broker to the last part's commit
    cpu_seconds: float  # of worker, database and Redis
    exchange_calls: int
    statements: int
    peak_rss_mb: float  # of the larger of the two processes


def run(*, quick: bool = False, bots: int = 100_000, series: int = 300, params: int = 1000) -> dict[str, Any]:
    """Measure. Raises BenchmarkFailed, also when a tick did not do what it should."""
    if quick:
        bots, series, params = 300, 6, 10
    home = machine.ROOT / ".local"  # not /tmp, which may be memory: this is about promises of a disk
    home.mkdir(exist_ok=True)
    with stacks.temporary(lambda directory: _stack(directory, series), parent=home) as stack:
        measured = _Run(stack, bots, series, params).measured(acting=min(1000, bots // 20))
    return measured | {"machine": machine.describe()}


def _stack(directory: Path, series: int) -> Stack:
    stack = Stack(directory, options={"paper": ("--weight-limit", "1000000", *paper.options_for(series))})
    stack.environment["BENCH_COUNTS"] = tempfile.mkdtemp(prefix="counts-", dir=directory)
    usual = services.worker(stack.environment, "trading")
    options = usual.argv[len(services.CELERY) :]
    stack.add(replace(usual, argv=[sys.executable, "-m", "tests.bench.tick.worker", *options]))
    return stack


class _Run:
    def __init__(self, stack: Stack, bots: int, series: int, params: int) -> None:
        self._stack, self._bots = stack, bots
        self._numbers = [
            f"--{name}={value}" for name, value in (("bots", bots), ("series", series), ("params", params))
        ]
        self._broker = Broker(stack.environment)
        self._counts = Path(stack.environment["BENCH_COUNTS"])

    def measured(self, *, acting: int) -> dict[str, Any]:
        """All figures."""
        fleet = self._fleet("make")
        self._stack.start(WORKER)
        with psycopg.connect(**self._stack.database, autocommit=True) as self._database:
            first = self._tick()
            self._do(HOLD_SQL, {"percent": HELD_PERCENT})
            self._do("VACUUM ANALYZE")
            self._tick()
            idle = [self._after_change(CHANGED_PERCENT) for _ in range(IDLE_TICKS)]
            whole = [self._after_change(100) for _ in range(3)]
            limit = self._fleet("limit")["seconds"]
            naive = self._naive(min(400, self._bots))
            cold, acts = self._acts(acting), self._acts(acting)
        seconds = median(tick.seconds for tick in idle)
        return fleet | {
            "seconds": round(seconds, 3),
            "seconds_of_each": [round(tick.seconds, 3) for tick in idle],
            "bots_per_second": round(self._bots / seconds),
            "seconds_when_each_row_changes": round(median(tick.seconds for tick in whole), 3),
            "seconds_of_the_first_tick": round(first.seconds, 3),
            "peak_rss_mb": round(max(tick.peak_rss_mb for tick in (*idle, *whole)), 1),
            "cpu_us_per_bot": round(1e6 * median(tick.cpu_seconds for tick in idle) / self._bots, 1),
            "exchange_calls": max(tick.exchange_calls for tick in idle),
            "exchange_calls_of_the_first_tick": first.exchange_calls,
            "sql_statements": max(tick.statements for tick in idle),
            "limit_seconds": round(limit, 3),
            "naive_seconds": round(naive, 1),
            "times_faster_than_naive": round(naive / seconds),
            **acts,
            "acting_seconds_of_cold_workers": cold["acting_seconds"],  # no connection to the exchange, no statement yet
        }

    def _fleet(self, act: str) -> dict[str, Any]:
        printed = self._stack.run("-m", "tests.bench.tick.fleet", act, *self._numbers)
        result: dict[str, Any] = json.loads(printed)
        return result

    def _do(self, sql: str, params: Any = None) -> None:
        self._database.execute(sql, params)

    def _after_change(self, percent: int) -> Ticked:
        """A tick in which so many of a hundred bots change their status."""
        self._do(CHANGE_SQL, [percent])
        changed = self._changed()
        ticked = self._tick()
        if changed == 0 or self._changed():
            log = (self._stack.places.logs / f"{WORKER}.log").read_text()
            told = [line["event"] for line in read_all(log) if line["level"] in ("warning", "error", "critical")][-5:]
            raise BenchmarkFailed(
                f"{self._changed()} of {changed} bots kept a status that was to change: {self._why()} {told}"
            )
        return ticked

    def _changed(self) -> int:
        return int(self._one("SELECT count(*) FROM bots_botstate WHERE status = 'pending'"))

    def _one(self, sql: str, params: Any = None) -> Any:
        row = self._database.execute(sql, params).fetchone()
        assert row is not None
        return row[0]

    def _tick(self) -> Ticked:
        """One tick; the minute may be another one's already."""
        self._do("DELETE FROM bots_tick")
        calls, statements, busy = self._calls(), self._statements(), self._busy()
        for pid in self._stack.children(WORKER):
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # begin anew with the peak of its memory
        began = time.time()
        self._broker.send(TICK, queue="trading", expires=60)
        self._wait("SELECT count(*) FROM bots_tick WHERE parts > 0 AND parts_done = parts", 1, every=TICK_SECONDS)
        seconds = time.time() - began
        self._stack.wait_until(lambda: self._broker.redis.llen("trading") == 0, PATIENCE_SECONDS)
        return Ticked(
            seconds,
            self._busy() - busy,
            self._calls() - calls - 1,
            self._statements() - statements,
            max(_peak_mb(pid) for pid in self._stack.children(WORKER)),
        )

    def _wait(self, sql: str, count: int, params: Any = None, *, every: float = ORDERS_SECONDS) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._one(sql, params) < count:
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"nothing more happens: {self._why()} {self._stack.died}")
            self._stack.tend()
            time.sleep(every)

    def _why(self) -> list[Any]:
        return [self._database.execute(sql).fetchall() for sql in WHY]

    def _acts(self, count: int) -> dict[str, Any]:
        """A tick in which so many bots enter: until the last of them is booked."""
        self._do(ACT_SQL, [count])
        self._do("DELETE FROM bots_tick")
        began = time.time()
        self._broker.send(TICK, queue="trading", expires=60)
        self._wait(f"SELECT count(*) FROM ({BOOKED_SQL}) AS booked", count, [began])
        after = sorted(row[0] - began for row in self._database.execute(BOOKED_SQL, [began]).fetchall())
        return {
            "acting": count,
            "acting_seconds": round(time.time() - began, 2),
            "acting_p50_seconds": round(after[len(after) // 2], 2),
            "acting_p99_seconds": round(after[len(after) * 99 // 100], 2),
            "orders_in_the_busiest_second": self._one(BUSIEST_SQL, [began]),
        }

    def _naive(self, sample: int) -> float:
        """Seconds for one task per bot, measured on some and scaled."""
        ids = [row[0] for row in self._database.execute("SELECT id FROM bots_botconfig LIMIT %s", [sample]).fetchall()]
        self._do("UPDATE bots_botstate SET status = 'pending', reason = '' WHERE bot_id = ANY(%s)", [ids])
        began = time.time()
        for bot in ids:
            self._broker.send(RUN, bot, expires=60)
        self._wait("SELECT count(*) FROM bots_botstate WHERE status <> 'pending' AND bot_id = ANY(%s)", len(ids), [ids])
        return (time.time() - began) / len(ids) * self._bots

    def _calls(self) -> int:
        return int(sum(paper.stats(self._stack.environment)["requests"].values()))

    def _statements(self) -> int:
        return sum(int(path.read_text() or 0) for path in self._counts.iterdir())

    def _busy(self) -> float:
        return sum(machine.tree_seconds(self._stack.pid(name)) for name in (WORKER, "postgres", "redis"))


def _peak_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
