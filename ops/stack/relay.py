"""From the children's log files to the terminal: their events, one line each."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from market.logs.reading import read

ROTATE_ABOVE_BYTES = 20_000_000
# What our own loggers say. Everything else stays in the log file.
OURS = ("ops", "bots", "trades", "market", "tradebot_site")
WORTH_IT = ("info", "warning", "error", "critical")

Say = Callable[[str, str], None]


def say(name: str, text: str) -> None:
    """One line on the terminal."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {name:<17} {text}\n")
    sys.stdout.flush()


def say_aside(name: str, text: str) -> None:
    """The same on stderr: a command's stdout belongs to the command."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {name:<17} {text}\n")
    sys.stderr.flush()


def event(line: str) -> str | None:
    """The text of a log line that is worth the terminal."""
    found = read(line)
    if not found or found["logger"].partition(".")[0] not in OURS or found.get("level") not in WORTH_IT:
        return None
    text = found["event"].replace("\n", " ")
    return text if found["level"] == "info" else f"{found['level'].upper()} {text}"


def rotate(path: Path) -> None:
    """Keep one old log file beside the new one."""
    if path.exists() and path.stat().st_size > ROTATE_ABOVE_BYTES:
        path.replace(path.with_name(path.name + ".1"))


class Tail:
    """The lines that are added to a file from now on.

    The children write to their files themselves, so that neither a slow nor a killed supervisor stops them.
    """

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self.file.seek(0, 2)
        self.rest = b""
        self.last = ""

    def lines(self) -> Iterator[str]:
        """The complete lines since the last call."""
        *complete, self.rest = (self.rest + self.file.read()).split(b"\n")
        for raw in complete:
            line = raw.decode(errors="replace").rstrip()
            self.last = line or self.last
            yield line
