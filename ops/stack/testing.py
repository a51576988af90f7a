"""What the fixtures of conftest.py are made of: children of a test, and a paper exchange for it."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ops.stack import child, services
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


@dataclass(frozen=True)
class PaperExchange:
    """A paper exchange process and its admin endpoints."""

    url: str
    ledger: Path
    token: str
    process: Child

    def create_account(self, label: str = "test", **balances: str | Decimal) -> tuple[str, str]:
        """Open an account (10,000 USDT unless told otherwise); returns API key and secret."""
        amounts = {asset: str(amount) for asset, amount in (balances or {"USDT": "10000"}).items()}
        created = self.admin("accounts", label=label, balances=amounts)
        return created["api_key"], created["api_secret"]

    def set_price(self, symbol: str, price: str | Decimal | None) -> None:
        """Hold the price of a symbol; None lets it follow the recording again."""
        self.admin("prices", symbol=symbol, price=None if price is None else str(price))

    def set_status(self, symbol: str, status: str) -> None:
        """Make a symbol TRADING, BREAK or HALT."""
        self.admin("symbols", symbol=symbol, status=status)

    def admin(self, endpoint: str, **content: object) -> Any:
        """POST to /paper/…; returns the reply. HTTPError when it is refused."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/paper/{endpoint}",
            data=json.dumps(content).encode(),
            headers={"X-Paper-Token": self.token, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return json.load(response)


@contextmanager
def paper_exchange(directory: Path, env: Mapping[str, str] | None = None) -> Iterator[PaperExchange]:
    """Run a paper exchange on a free port with its ledger in `directory`."""
    environment = dict(os.environ if env is None else env)
    environment |= {"PAPER_PORT": str(free_port()), "PAPER_LEDGER": str(directory / "ledger.sqlite")}
    service = services.paper(environment)
    running = spawner(directory, [])(service.argv, env=environment, name="paper")
    exchange = PaperExchange(
        url=f"http://127.0.0.1:{environment['PAPER_PORT']}",
        ledger=Path(environment["PAPER_LEDGER"]),
        token=environment["PAPER_ADMIN_TOKEN"],
        process=running,
    )
    try:
        wait_until(lambda: running.process.poll() is not None or service.ready(running.pid), 30, "paper answers")
        if running.process.poll() is not None:
            raise AssertionError(f"the paper exchange ended: {running.text}")
        yield exchange
    finally:
        running.kill()
