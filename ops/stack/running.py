"""One service over all its lives: the process it has now, or when it gets the next one."""

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from market.logs.reading import said
from ops.stack import child
from ops.stack.places import ROOT
from ops.stack.relay import Tail, event, rotate
from ops.stack.service import Service

FIRST_DELAY, LONGEST_DELAY, HEALTHY_AFTER = 0.5, 30.0, 60.0


class Running:
    """A service and its process. `process` is None between two lives."""

    def __init__(self, service: Service, log: Path) -> None:
        self.service, self.log = service, log
        rotate(log)
        log.touch(mode=0o600)
        self.tail = Tail(log)
        self.process: subprocess.Popen[bytes] | None = None
        self.returncode: int | None = None
        self.started_at = self.due_at = 0.0
        self.delay = FIRST_DELAY
        self.line_seen = self.ready = False

    def begin(self, keep_open: Sequence[int]) -> int:
        """Start a life; returns the process id."""
        with self.log.open("ab") as output:
            self.process = child.spawn(
                self.service.argv,
                environment=self.service.environment,
                output=output,
                death_signal=self.service.stop_signal,
                cwd=str(ROOT),
                unshare=self.service.identity.unshared,
                niceness=self.service.niceness,
                keep_open=keep_open,
                popen_arguments=self.service.identity.popen_arguments,
            )
        self.started_at = time.monotonic()
        self.line_seen = self.ready = False
        self.returncode = None
        return self.process.pid

    def events(self) -> Iterator[str]:
        """What the child logged since the last call, as far as it is worth the terminal."""
        for line in self.tail.lines():
            if self.service.ready_line and not self.line_seen:
                self.line_seen = bool(re.search(self.service.ready_line, said(line)))
            text = event(line)
            if text is not None:
                yield text

    def becomes_ready(self) -> bool:
        """True at the moment when the child has shown that it does its work, once in a life."""
        if self.service.once:
            done, self.ready = self.ready, self.returncode == 0
            return self.ready and not done
        if self.ready or self.process is None:
            return False
        self.ready = (self.line_seen or self.service.ready_line is None) and self.service.ready(self.process.pid)
        return self.ready

    def ended(self) -> int | None:
        """The process id of a life that has just ended, with all that it had started; sets when the next is due."""
        if self.process is None or self.process.poll() is None:
            return None
        pid, self.returncode, self.process = self.process.pid, self.process.returncode, None
        child.kill_group(pid)
        now = time.monotonic()
        if now - self.started_at >= HEALTHY_AFTER:
            self.delay = FIRST_DELAY
        self.due_at, self.delay = now + self.delay, min(self.delay * 2, LONGEST_DELAY)
        return pid

    @property
    def end(self) -> str:
        """How the last life ended, in words."""
        code = self.returncode or 0
        return f"killed by signal {-code}" if code < 0 else f"exit {code}"

    @property
    def last_words(self) -> str:
        return f"{said(self.tail.last) or self.end} (all of it: {self.log})"
