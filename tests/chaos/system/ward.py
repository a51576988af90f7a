"""What an injury can lay hands on, and how much was done."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import psycopg

from tests.chaos.system import failpoints
from tests.chaos.system.auditor import PRESSES
from tests.chaos.system.load import AWAY, Paper
from tests.chaos.system.stack import WORKERS, Stack
from tests.system.broker import Broker

Check = Callable[[], bool]  # whether an injury has taken place
PRESS_SQL = "UPDATE market_exchangeaccount SET state = %s WHERE id = ANY(%s)"


class Ward:
    """The system under treatment."""

    def __init__(self, stack: Stack, dice: random.Random) -> None:
        self.stack, self.dice = stack, dice
        self.paper, self.broker = Paper(stack.environment), Broker(stack.environment)
        self.kills = self.faults = 0
        self.awake_at = 0.0  # when the last of the workers that sleep at a step goes on
        self.sql(PRESSES)
        self.bots = [row[0] for row in self.sql("SELECT id FROM bots_botconfig ORDER BY id")]
        self.accounts = [row[0] for row in self.sql("SELECT id FROM market_exchangeaccount ORDER BY id")]

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement, committed. Raises psycopg.Error while PostgreSQL is away."""
        with psycopg.connect(**self.stack.database, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    # --- death

    def kill(self, name: str, *, down_seconds: float = 0) -> None:
        """kill -9 on a process and all that it has started."""
        self.stack.kill(name, down_seconds=down_seconds)
        self.kills += 1

    def kill_child(self) -> None:
        """kill -9 on one process of a worker's pool."""
        children = [pid for name in WORKERS for pid in self.stack.children(name)]
        self._kill_one(children)

    def kill_backend(self) -> None:
        """kill -9 on one of PostgreSQL's own processes: it drops all connections and recovers."""
        found = self.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
        with suppress(psycopg.Error):
            self._kill_one([pid for (pid,) in found])

    def freeze(self, name: str, seconds: float) -> None:
        """Stop a process and all that it has started, for a while."""
        self.stack.signal(name, signal.SIGSTOP)
        self.stack.later(seconds, lambda: self.stack.signal(name, signal.SIGCONT))
        self.faults += 1

    def _asleep(self, seconds: float) -> None:
        self.awake_at = max(self.awake_at, time.monotonic() + seconds)

    def at_step(self, step: str, action: str) -> Check:
        """Let a worker kill or freeze itself at a step of the protocol."""
        folder = self.stack.failpoints
        failpoints.arm(folder, step, action)

        def fired() -> bool:
            if failpoints.is_armed(folder, step):
                return False
            if action == failpoints.KILL:
                self.kills += 1
            else:
                self.faults += 1
                self._asleep(float(action.partition(" ")[2]))
            return True

        return fired

    # --- faults

    def misbehave(self, steps: Sequence[dict[str, Any]]) -> Check:
        """Let faults of the paper exchange happen, each so many times, which must come true, or for a while."""
        counted = self._put_on_board(steps)
        self.faults += len(steps)

        def happened() -> bool:
            nonlocal counted
            with suppress(*AWAY):
                board = {rule["id"]: rule["hits"] for rule in self.paper.ask("GET", "/paper/faults")["faults"]}
                if not counted <= board.keys():  # the exchange was killed, and forgot them
                    counted = self._put_on_board(steps)
                return all(board.get(number) for number in counted)
            return False

        return happened

    def _put_on_board(self, steps: Sequence[dict[str, Any]]) -> set[int]:
        """The numbers of those that are to happen so many times."""
        script = {"steps": list(steps), "in_order": False, "seed": self.dice.randrange(10**6)}
        added = self.paper.ask("POST", "/paper/faults/script", script)["faults"]
        return {rule["id"] for rule in added if "times" in rule}

    def send_again(self, task: str, *args: Any, times: int, queue: str = "high_priority") -> None:
        """Deliver the same task several times."""
        for _ in range(times):
            self.broker.send(task, *args, queue=queue)
        self.faults += 1

    def sweep_soon(self) -> None:
        """More often than beat would, while somebody sleeps."""
        for seconds in (2.0, 3.5, 5.0, 6.5, 8.0):
            self.stack.later(seconds, self._sweep)

    def _sweep(self) -> None:
        with suppress(*AWAY):
            self.broker.send("trades.tasks.reconcile_orders")

    def tick(self, *, times: int = 1) -> None:
        """A round over the whole fleet, as if this minute had not had one."""
        self.sql("DELETE FROM bots_tick WHERE slot = date_trunc('minute', now())")
        for _ in range(times):
            self.broker.send("bots.tasks.run_all_active_bots", queue="trading")

    def flush(self) -> None:
        """Empty both databases of Redis."""
        self.broker.redis.flushall()
        self.faults += 1

    def second_beat(self, seconds: float) -> None:
        """Let two clocks run."""
        self.stack.begin("beat-2")
        self.stack.later(seconds, lambda: self.stack.end("beat-2"))
        self.faults += 1

    def press(self, state: str, seconds: float) -> None:
        """Press the switch of some accounts, and release it after a while; note when that was committed."""
        accounts = self.dice.sample(self.accounts, len(self.accounts) // 3)
        rows = "INSERT INTO chaos_press (account_id, state) SELECT unnest(%s::bigint[]), %s RETURNING id"
        ids = [row[0] for row in self.sql(rows, accounts, state)]
        self.sql(PRESS_SQL, state, accounts)
        self.sql("UPDATE chaos_press SET pressed_at = clock_timestamp() WHERE id = ANY(%s)", ids)
        self.stack.later(seconds, lambda: self.release(accounts))
        self.faults += 1

    def release(self, accounts: list[int]) -> None:
        """Let these accounts trade again; done for all of them when everything comes to rest."""
        with suppress(psycopg.Error):
            self.sql(
                "UPDATE chaos_press SET released_at = clock_timestamp() WHERE account_id = ANY(%s)"
                " AND released_at IS NULL",
                accounts,
            )
            self.sql(PRESS_SQL, "active", accounts)

    def mend(self) -> None:
        """What people would do: switches released, refused keys saved again; and no fault happens any more."""
        self.stack.finish_later()
        for step in failpoints.STEPS:
            failpoints.disarm(self.stack.failpoints, step)
        self.paper.ask("DELETE", "/paper/faults")
        self.release(self.accounts)
        self.sql("UPDATE market_exchangeaccount SET key_error = '', state = 'active'")

    def _kill_one(self, pids: list[int]) -> None:
        if pids:
            with suppress(ProcessLookupError):
                os.kill(self.dice.choice(pids), signal.SIGKILL)
                self.kills += 1
