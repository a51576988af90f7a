"""What the fixtures of conftest.py are made of: deadlines, and the children of a test."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from ops.stack import child
from ops.stack.places import ROOT
from ops.stack.servers import free_port as free_port

Result = TypeVar("Result")


def wait_until(condition: Callable[[], Result], timeout: float = 10.0, message: str = "") -> Result:
    """Ask until the answer is true and return it; AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {message or condition}")
        time.sleep(0.02)
    return result


@dataclass
class Child:
    """A process that a test started, with its output in a file."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def text(self) -> str:
        """All that it has written, to stdout and stderr."""
        return self.output.read_text(errors="replace")

    def wait_for(self, words: str, timeout: float = 30.0) -> str:
        """Wait until it has written these words; returns the text. AssertionError when it ends before."""

        def written() -> bool:
            ended = self.process.poll() is not None  # asked first: the last words come before the end
            found = words in self.text
            if ended and not found:
                raise AssertionError(f"{self.name} ended ({self.process.returncode}) without {words!r}: {self.text}")
            return found

        wait_until(written, timeout, f"{self.name} says {words!r}, but only:\n{self.text}")
        return self.text

    def wait(self, timeout: float = 30.0) -> int:
        """Wait for its end; returns the exit status."""
        return self.process.wait(timeout)

    def kill(self) -> None:
        """End it, and everything in its process group, at once."""
        child.kill_group(self.pid)
        self.process.wait()


class Spawn(Protocol):
    """Start a child of a test in `cwd`; `env` is the whole environment, that of the test when None."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        name: str | None = None,
        cwd: Path = ROOT,
    ) -> Child: ...


def spawner(directory: Path, children: list[Child]) -> Spawn:
    """A `Spawn` that keeps output in `directory` and adds each child to `children`."""

    def spawn(
        argv: Sequence[str], *, env: Mapping[str, str] | None = None, name: str | None = None, cwd: Path = ROOT
    ) -> Child:
        name = name or f"{Path(argv[0]).name}-{len(children)}"
        path = directory / f"{name}.log"
        with path.open("ab") as output:
            process = child.spawn(
                argv,
                environment={"PYTHONUNBUFFERED": "1"} | dict(os.environ if env is None else env),
                output=output,
                death_signal=signal.SIGTERM,
                cwd=str(cwd),
            )
        children.append(Child(name, process, path))
        return children[-1]

    return spawn
