"""The processes of the whole system, each of which may be killed and starts again by itself. Linux only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ops.stack import child
from ops.stack.environment import PAPER, POSTGRES, REDIS
from ops.stack.places import ROOT, Places
from ops.stack.running import Running
from ops.stack.servers import free_port, plan
from ops.stack.service import Service
from ops.stack.throwaway import STACK_VARIABLES

Result = TypeVar("Result")
AGAIN_AFTER = 0.3
POLL_SECONDS = 0.05
NONE: Mapping[str, Sequence[str]] = {}


class NotRunning(Exception):
    """The system can't be brought up (again)."""


class Stack:
    """PostgreSQL, Redis, the paper exchange, and what is added to them: none of it starts by itself.

    To be used from one thread, which has to call `tend` or to wait here often.
    """

    def __init__(self, directory: Path, *, options: Mapping[str, Sequence[str]] = NONE) -> None:
        """``options``: what each of the three servers, by its name, is told beside the usual."""
        self.places = Places(directory)
        self.places.create()
        named = {name: value for name, value in os.environ.items() if name not in STACK_VARIABLES}
        named["PAPER_PORT"], named["EVENT_STREAM_PORT"] = str(free_port()), str(free_port())
        named["METRICS_DIR"], named["METRICS_PORT"] = str(directory / "metrics"), "0"  # whatever the command has
        servers = plan(named, self.places, (POSTGRES, REDIS, PAPER))
        self.environment = dict(servers.environment)
        self.keep = False  # the directory, when all is over
        self.died: list[str] = []  # by themselves
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._runs: dict[str, Running] = {}
        self._known: dict[str, Service] = {}
        for service in (*servers.databases, *servers.exchange):
            self.add(replace(service, argv=[*service.argv, *options.get(service.name, ())]))

    def add(self, service: Service) -> None:
        """One more that may be started."""
        self._known[service.name] = service

    # --- lives

    def start(self, *names: str) -> None:
        """Start these and wait until they are ready."""
        for name in names:
            self.begin(name)
        self.wait_until(lambda: all(self._runs[name].ready for name in names), 60, f"{', '.join(names)} ready")

    def begin(self, name: str) -> None:
        """Start it and do not wait."""
        self._runs[name] = Running(self._known[name], self.places.logs / f"{name}.log")
        self._runs[name].begin(())

    def kill(self, name: str, *, down_seconds: float = 0.0) -> None:
        """kill -9, with all that it has started; it begins its next life by itself after so many seconds."""
        run = self._runs[name]
        if run.process is None:
            return
        child.kill_group(run.process.pid)
        run.process.wait()
        run.ended()
        run.due_at = time.monotonic() + max(down_seconds, AGAIN_AFTER)

    def end(self, name: str) -> None:
        """kill -9 for good."""
        if name in self._runs:
            self.kill(name)
            del self._runs[name]

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a process and all that it has started."""
        run = self._runs.get(name)
        if run is not None and run.process is not None:
            child.kill_group(run.process.pid, signal.Signals(number))

    def children(self, name: str) -> list[int]:
        """The processes that a process has started itself."""
        run = self._runs.get(name)
        if run is None or run.process is None:
            return []
        with suppress(OSError):
            listed = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text()
            return [int(pid) for pid in listed.split()]
        return []

    def stop(self) -> None:
        """End everything at once."""
        for name in reversed(list(self._runs)):
            self.end(name)

    @property
    def is_up(self) -> bool:
        """Whether everything that was started is ready."""
        return all(run.ready and run.process is not None for run in self._runs.values())

    # --- time

    def tend(self) -> None:
        """Start again what is dead, and do what is due."""
        now = time.monotonic()
        for name, run in self._runs.items():
            if run.process is not None and run.ended() is not None:
                self.died.append(f"{name}: {run.end}, {run.last_words}")
                run.due_at = now + AGAIN_AFTER
            elif run.process is None and now >= run.due_at:
                run.begin(())
            elif run.process is not None and not run.ready:
                list(run.events())
                run.becomes_ready()
        due = [action for at, action in self._later if at <= now]
        self._later = [entry for entry in self._later if entry[0] > now]
        for action in due:
            action()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after so many seconds, while we wait for something else."""
        self._later.append((time.monotonic() + seconds, action))

    def finish_later(self) -> None:
        """Do now what was to be done later."""
        due, self._later = self._later, []
        for _, action in due:
            action()

    def wait_until(self, condition: Callable[[], Result], seconds: float, what: str = "") -> Result:
        """Ask until the answer is true and return it; NotRunning after so many seconds when ``what`` has a name."""
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            if time.monotonic() > deadline:
                if what:
                    raise NotRunning(f"not within {seconds} s: {what}; {'; '.join(self.died[-3:])}")
                break
            self.tend()
            time.sleep(POLL_SECONDS)
        return result

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.wait_until(lambda: False, seconds)

    # --- what others need to know

    @property
    def database(self) -> dict[str, Any]:
        """Connection parameters of psycopg."""
        sockets = self.environment["DATABASE_URL"].removeprefix("postgresql://tradebot@/").removesuffix("/tradebot")
        return {"host": sockets, "user": "tradebot", "dbname": "tradebot", "connect_timeout": 2}

    def pid(self, name: str) -> int:
        """The process id of something that runs."""
        process = self._runs[name].process
        assert process is not None, f"{name} does not run"
        return process.pid

    @property
    def ledger(self) -> Path:
        """The paper exchange's file."""
        return self.places.paper_ledger

    def run(self, *argv: str) -> str:
        """Run a process of ours to its end; what it printed. NotRunning when it failed."""
        done = subprocess.run(
            [sys.executable, *argv], env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotRunning(f"{' '.join(argv)}: {done.stderr[-2000:]}")
        return done.stdout


AnyStack = TypeVar("AnyStack", bound=Stack)


@contextmanager
def temporary(
    make: Callable[[Path], AnyStack],
    *,
    parent: Path = Path("/tmp"),
    servers: Sequence[str] = ("postgres", "redis", "paper"),
) -> Iterator[AnyStack]:
    """A stack in a directory of its own, with these servers up."""
    directory = Path(tempfile.mkdtemp(prefix="stack-", dir=parent))
    directory.chmod(0o711)  # so that `nobody` reaches its data where root may not run PostgreSQL as itself
    stack = make(directory)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        stack.start(*servers)
        yield stack
    finally:
        stack.stop()
        signal.signal(signal.SIGTERM, before)
        for path in (
            () if stack.keep else (directory, stack.places.temporary("postgres"), stack.places.temporary("run"))
        ):
            shutil.rmtree(path, ignore_errors=True)
