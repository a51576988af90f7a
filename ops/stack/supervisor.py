"""Start children, keep them running, end them. One thread, one loop."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ops.stack import child, guard
from ops.stack.errors import StackError, StopRequestedError
from ops.stack.relay import Say
from ops.stack.running import Running
from ops.stack.service import Service

POLL_SECONDS, WATCH_SECONDS = 0.05, 0.2


class Supervisor:
    """The children of one stack. Leave it through `stop`; where it is killed, the kernel and the guard do that."""

    def __init__(self, logs: Path, say: Say, *, lock: int | None = None) -> None:
        self.logs, self.say = logs, say
        self.keep_open = [] if lock is None else [lock]
        self.all: list[Running] = []
        self.stop_requested = False
        self.guard = subprocess.Popen(
            [sys.executable, "-S", "-E", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self.keep_open,
            cwd="/",
        )

    @property
    def children(self) -> dict[str, int]:
        """The process id of each child that lives."""
        return {run.service.name: run.process.pid for run in self.all if run.process is not None}

    def request_stop(self, *_: object) -> None:
        """A signal handler: `start` and `watch` end with StopRequestedError."""
        self.stop_requested = True

    def start(self, services: Sequence[Service], *, timeout: float = 60) -> None:
        """Start these together, return when all are ready. StackError when one ends, or is not ready in time."""
        self.wait(self.begin(services), timeout=timeout)

    def begin(self, services: Sequence[Service]) -> list[Running]:
        """Start these together and do not wait for them."""
        return [self._add(service) for service in services]

    def wait(self, started: Sequence[Running], *, timeout: float = 60) -> None:
        """Return when all of these are ready; StackError as for `start`."""
        deadline = time.monotonic() + timeout
        while waiting := [run for run in started if not run.ready]:
            self._turn(POLL_SECONDS)
            for run in waiting:
                if run.process is None and not run.ready:
                    raise StackError(f"{run.service.name} ended before it was ready: {run.last_words}")
                if not run.ready and time.monotonic() > deadline:
                    raise StackError(f"{run.service.name} is not ready after {timeout:.0f} s: {run.last_words}")
        self.all = [run for run in self.all if not run.service.once]

    def watch(self, *, on_restart: Callable[[], None] = lambda: None) -> None:
        """Relay events and start again what dies, until StopRequestedError."""
        while True:
            self._turn(WATCH_SECONDS)
            for run in self.all:
                if run.process is None and time.monotonic() >= run.due_at:
                    self._begin(run)
                    self.say(run.service.name, "started again")
                    on_restart()

    def stop(self) -> None:
        """End the children, one kind after the other in the order of their `stop_within`, then the guard."""
        begun = time.monotonic()
        for limit in sorted({run.service.stop_within for run in self.all}):
            self._stop([run for run in self.all if run.service.stop_within == limit], begun + limit)
        if self.guard.stdin:
            with suppress(OSError):
                self.guard.stdin.close()
        self.guard.wait()

    def _stop(self, runs: list[Running], deadline: float) -> None:
        half_time = (time.monotonic() + deadline) / 2
        for run in runs:
            if run.process is not None:
                run.process.send_signal(run.service.stop_signal)
        while living := [run for run in runs if run.process is not None]:
            now = time.monotonic()
            for run in living:
                if now > deadline:
                    self._kill(run)
                elif run.service.hurry_signal and now > half_time and run.process:
                    run.process.send_signal(run.service.hurry_signal)
            if now > half_time:
                half_time = deadline
            self._look()
            time.sleep(POLL_SECONDS)

    def _kill(self, run: Running) -> None:
        if run.process is not None:
            self.say(run.service.name, "does not stop: killed")
            child.kill_group(run.process.pid)
            run.process.wait()

    def _add(self, service: Service) -> Running:
        run = Running(service, self.logs / f"{service.name}.log")
        self.all.append(run)
        self._begin(run)
        return run

    def _begin(self, run: Running) -> None:
        self._tell_guard(run.begin(self.keep_open))

    def _tell_guard(self, pid: int) -> None:
        if self.guard.stdin:
            with suppress(OSError):  # a guard that somebody killed is missed only in the next accident
                self.guard.stdin.write(f"{pid}\n".encode())
                self.guard.stdin.flush()

    def _turn(self, pause: float) -> None:
        if self.stop_requested:
            raise StopRequestedError
        for run, pid in self._look():
            if not (run.service.once and run.ready):
                again = run.due_at - time.monotonic()
                self.say(run.service.name, f"died ({run.end}, pid {pid}), next start in {again:.1f} s")
        time.sleep(pause)

    def _look(self) -> list[tuple[Running, int]]:
        """Relay what the children say and note which are ready; returns those that have just ended."""
        ended = []
        for run in self.all:
            pid = run.ended()
            for text in run.events():
                self.say(run.service.name, text)
            if run.becomes_ready():
                self.say(run.service.name, f"ready in {time.monotonic() - run.started_at:.1f} s")
            if pid is not None:
                self._tell_guard(-pid)
                ended.append((run, pid))
        return ended
