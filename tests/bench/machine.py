"""What a figure means depends on where it was measured."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIBRARIES = ("aiohttp", "orjson", "numpy")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
BLOCK = b"\0" * 65_536  # about what a group of eight orders is in the write-ahead log
SYNCS = 300


def describe() -> dict[str, Any]:
    """Machine, code and libraries."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in LIBRARIES},
        "commit": _commit(),
    }


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def tree_seconds(pid: int) -> float:
    """Processor time of a process, of those that it has started, and of those of them that have ended since."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended meanwhile: its parent has its time
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS_PER_SECOND + sum(tree_seconds(int(child)) for child in children)


@contextmanager
def watching(pid: int) -> Iterator[dict[str, float]]:
    """Cores kept busy until the block ends: by the process, and by everything that runs here, it included."""
    used: dict[str, float] = {}
    began, own, all_of_them = time.monotonic(), cpu_seconds(pid), machine_seconds()
    yield used
    seconds = time.monotonic() - began
    used["server_cores"] = (cpu_seconds(pid) - own) / seconds
    used["all_cores"] = (machine_seconds() - all_of_them) / seconds


def syncs_per_second(folder: Path) -> float:
    """How often this disk can promise to keep a group of orders: overwrite 64 kB, fdatasync, one after the other."""
    path = folder / "sync"
    with path.open("wb", buffering=0) as file:
        file.write(BLOCK)
        os.fsync(file.fileno())
        began = time.perf_counter()
        for _ in range(SYNCS):
            file.seek(0)
            file.write(BLOCK)
            os.fdatasync(file.fileno())
        seconds = time.perf_counter() - began
    path.unlink()
    return SYNCS / seconds


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + (" and changes" if git("status", "--porcelain", "-uno") else "")


def machine_seconds() -> float:
    """Processor time of everything that runs here."""
    user, nice, system, _idle, _wait, *rest = (
        int(n) for n in Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    )
    return (user + nice + system + sum(rest[:3])) / TICKS_PER_SECOND
