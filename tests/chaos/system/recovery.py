"""How long the system takes to recover, measured with its real times: ``manage.py chaos recovery --json``.

The fleet is big, but only so many bots run as two workers can serve within a few seconds, until the switch is pressed.
"""

from __future__ import annotations

import math
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from tests.chaos import Findings
from tests.chaos.system import failpoints
from tests.chaos.system import stack as stacks
from tests.chaos.system.load import Load
from tests.chaos.system.rounds import say
from tests.chaos.system.stack import Stack
from tests.chaos.system.ward import Ward

ACCOUNTS, BOTS, RUNNING = 20, 1000, 120
OUTAGE_SECONDS = 30
PATIENCE_SECONDS = 150
JUMP_AT_SECOND = 56  # nothing runs a bot between that and the minute
# What the issue allows, in seconds.
BOUNDS = {
    "unknown_order_resolved_p99": 45,
    "killed_worker_bots_ran": 30,
    "killed_tick_bots_ran": 30,
    "flushall_bots_ran": 60,
    "last_order_after_switch": 1,
}
# Half of the orders arrive, no answer does, and nobody can ask.
OUTAGE = (
    {"fault": "drop_before", "match": {"method": "POST", "path": "/api/v3/order"}, "probability": 0.5},
    {"fault": "drop_after", "match": {"method": "POST", "path": "/api/v3/order"}},
    {"fault": "drop_before", "match": {"method": "GET", "path": "/api/v3/order"}},
)
IN_DOUBT_SQL = "SELECT id FROM trades_order WHERE status IN ('submitted', 'unknown')"
RESOLVED_SQL = "SELECT extract(epoch FROM finished_at) FROM trades_order WHERE id = ANY(%s) AND finished_at IS NOT NULL"
RAN_SQL = """
    SELECT b.id, extract(epoch FROM min(o.created_at)) FROM bots_botconfig b
      JOIN trades_order o ON o.position_id = b.position_id
     WHERE o.created_at > to_timestamp(%s) GROUP BY 1
"""
TICK_SQL = "SELECT extract(epoch FROM started_at) FROM bots_tick WHERE slot > to_timestamp(%s) ORDER BY slot LIMIT 1"
RUN_SQL = "UPDATE bots_botconfig SET desired_state = CASE WHEN id = ANY(%s) THEN 'running' ELSE 'stopped' END"
STOPPED_SQL = "UPDATE bots_botstate SET status = 'stopped' WHERE bot_id <> ALL(%s)"


def run(rounds: int, *, seed: int | None = None) -> Findings:
    """Measure each figure, those of outages and deaths so many times; wrong is what takes longer than it may."""
    with stacks.temporary(factor=1) as stack:
        stack.run(
            *("-m", "tests.chaos.system.fleet", "--accounts", str(ACCOUNTS), "--bots", str(BOTS)),
            *("--faster", "1"),
        )
        stack.start(*stacks.WORKERS, "beat")
        return Recovery(stack, random.randrange(10**6) if seed is None else seed).run(rounds)


class Recovery:
    """The measurements on one system."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self._stack, self._seed = stack, seed
        self._ward = Ward(stack, random.Random(seed))
        self._bots = self._ward.bots[:RUNNING]
        self._load = Load(stack.environment, stack.database, self._bots, seed)

    def run(self, rounds: int) -> Findings:
        """All of them, one after the other."""
        began = time.monotonic()
        self._let_run(self._bots)
        resolved = [seconds for _ in range(rounds) for seconds in self._outage()]
        measured = {
            "unknown_order_resolved_p99": _percentile(resolved, 99),
            "killed_worker_bots_ran": self._slowest(rounds, self._kill_a_worker),
            "killed_tick_bots_ran": self._slowest(rounds, self._kill_the_tick),
            "flushall_bots_ran": self._slowest(rounds, self._flush),
            "last_order_after_switch": self._press(),
        }
        self._load.end()
        return Findings(
            done={"rounds": rounds, "bots": BOTS, "unknown_orders": len(resolved)},
            wrong={"late": [f"{name} took {measured[name]} s" for name in BOUNDS if measured[name] > BOUNDS[name]]},
            more={**measured, "seconds": round(time.monotonic() - began), "seed": self._seed},
        )

    # --- orders without an outcome

    def _outage(self) -> list[float]:
        """Seconds from the exchange's answering again to the outcome of each order that was in doubt then."""
        self._load.start()
        self._stack.pause(5)
        self._ward.paper.ask("POST", "/paper/faults/script", {"steps": OUTAGE, "in_order": False})
        self._stack.pause(OUTAGE_SECONDS)
        self._ward.paper.ask("DELETE", "/paper/faults")
        answers_at = time.time()
        in_doubt = [row[0] for row in self._ward.sql(IN_DOUBT_SQL)]
        self._load.pause()

        def resolved() -> list[float]:
            found = [float(row[0]) for row in self._ward.sql(RESOLVED_SQL, in_doubt)]
            return found if len(found) == len(in_doubt) else []

        moments = self._stack.wait_until(resolved, PATIENCE_SECONDS, "every order has an outcome")
        seconds = sorted(max(moment - answers_at, 0) for moment in moments)
        say(f"{len(seconds)} unknown orders resolved after {seconds[0]:.1f} to {seconds[-1]:.1f} s")
        return seconds

    # --- bots whose tasks are gone

    def _kill_a_worker(self) -> float:
        """In the middle of a minute: it has some bots in hand."""
        tick = self._next_tick()
        self._stack.wait_until(lambda: len(self._ran(tick)) >= RUNNING // 4, PATIENCE_SECONDS, "a quarter has run")
        killed_at = time.time()
        self._ward.kill("worker-1")
        return self._all_ran(tick, killed_at, "worker killed")

    def _kill_the_tick(self) -> float:
        """A worker that has evaluated the whole fleet, and has not sent a task."""
        step = "tick.evaluated"
        fired = self._ward.at_step(step, f"{failpoints.FREEZE} 30")
        tick = self._next_tick()
        self._stack.wait_until(fired, PATIENCE_SECONDS, "the minute is evaluated")
        pids = {int(path.name.rpartition("-")[2]) for path in self._stack.failpoints.glob(f".fired-{step}-*")}
        (worker,) = (name for name in stacks.WORKERS if pids & set(self._stack.children(name)))
        killed_at = time.time()
        self._ward.kill(worker)
        return self._all_ran(tick, killed_at, "minute killed")

    def _flush(self) -> float:
        """While the tasks of most bots wait in Redis."""
        tick = self._next_tick()
        self._stack.wait_until(lambda: len(self._ran(tick)) >= RUNNING // 10, PATIENCE_SECONDS, "a tenth has run")
        flushed_at = time.time()
        self._ward.flush()
        return self._all_ran(tick, flushed_at, "FLUSHALL")

    def _next_tick(self) -> float:
        """When the next minute of the fleet began. Every bot has something to do in it: prices jump just before."""
        self._stack.pause(JUMP_AT_SECOND - time.time() % 60)
        self._load.jump()
        asked_at = time.time()
        rows = self._stack.wait_until(lambda: self._ward.sql(TICK_SQL, asked_at), PATIENCE_SECONDS, "a tick of beat")
        return float(rows[0][0])

    def _ran(self, since: float) -> dict[int, float]:
        """When each bot that has run since then did."""
        return {bot: float(moment) for bot, moment in self._ward.sql(RAN_SQL, since)}

    def _all_ran(self, tick: float, since: float, what: str) -> float:
        """Seconds until the last of the bots that had not run in this tick has."""
        waiting = set(self._bots) - self._ran(tick).keys()
        self._stack.wait_until(lambda: waiting <= self._ran(since).keys(), PATIENCE_SECONDS, f"{what}: all ran")
        seconds = max(moment - since for bot, moment in self._ran(since).items() if bot in waiting)
        say(f"{what}: {len(waiting)} bots, the last one ran after {seconds:.1f} s")
        return seconds

    def _slowest(self, rounds: int, measure: Callable[[], float]) -> float:
        return round(max(measure() for _ in range(rounds)), 1)

    # --- the switch

    def _press(self) -> float:
        """Seconds from the press to the last order that the exchange accepted, with all bots at work."""
        self._let_run(self._ward.bots)
        tick = self._next_tick()
        self._stack.wait_until(lambda: len(self._ran(tick)) >= BOTS // 10, PATIENCE_SECONDS, "a tenth has run")
        self._ward.sql("UPDATE market_exchangeaccount SET state = 'halted'")
        pressed_at = time.time()
        self._stack.pause(15)
        with closing(sqlite3.connect(f"file:{self._stack.ledger}?mode=ro", uri=True)) as ledger:
            (last_ms,) = ledger.execute("SELECT max(time_ms) FROM orders").fetchone()
        seconds = max(last_ms / 1000 - pressed_at, 0)
        say(f"pressed after {len(self._ran(tick))} of {BOTS} bots had run: the last order came {seconds:.3f} s later")
        return round(seconds, 3)

    def _let_run(self, bots: list[int]) -> None:
        """Let these run, and no others."""
        self._ward.sql(RUN_SQL, bots)
        self._ward.sql(STOPPED_SQL, bots)


def _percentile(values: list[float], percent: int) -> float:
    return round(sorted(values)[math.ceil(len(values) * percent / 100) - 1], 1)
