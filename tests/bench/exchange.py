"""The paper exchange under load: ``manage.py bench exchange --json``.

Orders are signed market orders of random accounts and symbols over a few connections, each answered after its fsync.
They are measured on an almost empty ledger and on one with a past, in turns, each time on a new process; every figure
is the median of the repetitions. Reads are asked of the ledger with a past.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from market.paper.engine.amounts import short
from market.paper.tests.server import PaperServer
from tests.bench import BenchmarkFailed, engine, machine
from tests.bench.recordings import clone_symbols
from tests.bench.stock import KNOWN, Stocked, open_accounts, place_orders

Call = tuple[str, str, str, bool]  # method, path, query, signed
Figures = dict[str, float]


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    symbols: int
    accounts: int
    past: int  # orders in the ledger before the measurement
    orders: int
    reads: int
    engine_orders: int
    repetitions: int
    connections: int = 8


FULL = Size(100, 1000, 1_000_000, 10_000, 10_000, 50_000, 5)
QUICK = Size(8, 20, 1000, 400, 400, 1000, 1)


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure everything. Raises BenchmarkFailed."""
    size = QUICK if quick else FULL
    home = machine.ROOT / ".local"  # not /tmp, which may be memory: this is about promises of a disk
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home) as name:
        return _measured(size, Path(name))


def _measured(size: Size, folder: Path) -> dict[str, Any]:
    data, empty, past = folder / "data", folder / "empty.sqlite3", folder / "past.sqlite3"
    clone_symbols(data, size.symbols)
    stocked = asyncio.run(open_accounts(empty, data, size.accounts))
    shutil.copy(empty, past)
    bulk_seconds = asyncio.run(place_orders(past, data, stocked, size.past))
    load = _Load(size, data, stocked)
    on_empty, on_past = [], []
    for _ in range(size.repetitions):
        on_empty.append(load.orders(Path(shutil.copy(empty, folder / "copy.sqlite3"))))
        on_past.append(load.orders(past))
    figures, before = _medians(on_past), _medians(on_empty)
    return {
        "orders_per_second": round(figures["per_second"]),
        "order_p50_ms": round(figures["p50_ms"], 2),
        "order_p99_ms": round(figures["p99_ms"], 2),
        "order_max_ms": round(figures["max_ms"], 2),
        "orders_per_second_empty": round(before["per_second"]),
        "order_p99_ms_empty": round(before["p99_ms"], 2),
        "slowdown": round(before["per_second"] / figures["per_second"], 3),
        **load.reads(past),
        "engine_orders_per_second": round(
            median(engine.orders_per_second(data, stocked, size.engine_orders) for _ in range(size.repetitions))
        ),
        "bulk_orders_per_second": round(size.past / bulk_seconds),
        "ledger_mb": round(past.stat().st_size / 2**20, 1),
        "size": vars(size),
        # Of one order: processor time of the exchange, and of the client that measures it.
        "server_cpu_ms": round(1000 * figures["server_cores"] / figures["per_second"], 3),
        "client_cpu_ms": round(1000 * figures["client_cores"] / figures["per_second"], 3),
        # Cores kept busy while orders were measured; what others took of the machine is missing in the figures.
        "busy_cores": {
            "exchange": round(figures["server_cores"], 2),
            "client": round(figures["client_cores"], 2),
            "others": round(figures["all_cores"] - figures["server_cores"] - figures["client_cores"], 2),
        },
        "runs": {
            "orders_per_second": [round(each["per_second"]) for each in on_past],
            "orders_per_second_empty": [round(each["per_second"]) for each in on_empty],
        },
        "limits": {
            "fsyncs_per_second": round(machine.syncs_per_second(folder)),
            "bare_aiohttp_answers_per_second": round(load.of_bare_aiohttp()),
        },
        "machine": machine.describe(),
    }


class _Load:
    """Starts exchanges, and the client that loads them."""

    def __init__(self, size: Size, data: Path, stocked: Stocked) -> None:
        self._size = size
        self._data = data
        self._stocked = stocked
        self._dice = random.Random(1)

    def orders(self, ledger: Path) -> Figures:
        """Market orders on a process of their own."""
        calls = [
            (
                "POST",
                "/api/v3/order",
                f"symbol={s}&side=BUY&type=MARKET&quantity={short(q)}&newClientOrderId={{id}}",
                True,
            )
            for s, q in self._stocked.quantities.items()
        ]
        with self._exchange(ledger) as paper:
            self._drive(paper, calls, self._size.orders // 10)  # until everything is warm
            return self._drive(paper, calls, self._size.orders, expected='"status":"FILLED"')

    def reads(self, ledger: Path) -> dict[str, float]:
        """Market data and signed questions, the latter also one after the other; start and memory of the process."""
        size, began = self._size, perf_counter()
        with self._exchange(ledger) as paper:
            start_seconds = perf_counter() - began
            market = [self._drive(paper, self._market_reads(), size.reads) for _ in range(size.repetitions)]
            signed = [self._drive(paper, self._signed_reads(), size.reads) for _ in range(size.repetitions)]
            alone = self._drive(paper, self._signed_reads(), size.reads // 10, connections=1)
            stats = paper.admin("GET", "/paper/stats")
        return {
            "reads_per_second": round(_medians(market)["per_second"]),
            "read_p99_ms": round(_medians(market)["p99_ms"], 2),
            "signed_reads_per_second": round(_medians(signed)["per_second"]),
            "signed_read_p99_ms": round(_medians(signed)["p99_ms"], 2),
            "signed_read_alone_p50_ms": round(alone["p50_ms"], 2),
            "signed_read_alone_max_ms": round(alone["max_ms"], 2),
            "start_seconds": round(start_seconds, 2),
            "memory_mb": stats["memory_peak_mb"],
        }

    def of_bare_aiohttp(self) -> float:
        """Answers per second of an aiohttp server that does nothing."""
        command = [sys.executable, "-m", "tests.bench.bare"]
        with subprocess.Popen(command, cwd=machine.ROOT, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                address = ("127.0.0.1", int(server.stdout.readline()))
                return self._client(address, server.pid, [("GET", "/", "", False)], self._size.reads)["per_second"]
            finally:
                server.kill()

    @contextmanager
    def _exchange(self, ledger: Path) -> Iterator[PaperServer]:
        with PaperServer(ledger, "--data", str(self._data), "--weight-limit", "0") as paper:
            yield paper
            assert paper.stop() == 0

    def _market_reads(self) -> list[Call]:
        """What a fleet asks for most: prices, best prices, and sometimes candles."""
        found: list[Call] = []
        for symbol in self._stocked.quantities:
            price: Call = ("GET", "/api/v3/ticker/price", f"symbol={symbol}", False)
            best: Call = ("GET", "/api/v3/ticker/bookTicker", f"symbol={symbol}", False)
            found += [price, best] * 4
            found.append(("GET", "/api/v3/klines", f"symbol={symbol}&interval=1m&limit=100", False))
        return found

    def _signed_reads(self) -> list[Call]:
        """One order, the open ones, the last ones, the last fills, the balances."""
        queries = [
            ("account", "omitZeroBalances=true"),
            ("order", f"symbol={next(iter(self._stocked.quantities))}&origClientOrderId={KNOWN}"),
        ]
        for symbol in self._stocked.quantities:
            queries += [(name, f"symbol={symbol}&limit=50") for name in ("allOrders", "myTrades")]
            queries += [("openOrders", f"symbol={symbol}"), queries[0], queries[1]]
        return [("GET", f"/api/v3/{path}", query, True) for path, query in queries]

    def _drive(
        self, paper: PaperServer, calls: list[Call], count: int, *, expected: str = "", connections: int = 0
    ) -> Figures:
        host, _, port = urlsplit(paper.url).netloc.partition(":")
        return self._client((host, int(port)), paper.pid, calls, count, expected, connections or self._size.connections)

    def _client(
        self,
        address: tuple[str, int],
        pid: int,
        calls: list[Call],
        count: int,
        expected: str = "",
        connections: int = 8,
    ) -> Figures:
        """Let the client make ``count`` random calls; what it measured, and which cores were busy meanwhile."""
        task = {
            "host": address[0],
            "port": address[1],
            "connections": connections,
            "calls": calls,
            "count": count,
            "expected": expected,
            "keys": [(account.api_key, account.api_secret) for account in self._stocked.accounts],
            "seed": self._dice.getrandbits(32),
        }
        command = [sys.executable, "-m", "tests.bench.load", str(pid)]
        done = subprocess.run(
            command, cwd=machine.ROOT, input=json.dumps(task), stdout=subprocess.PIPE, text=True, check=True
        )
        figures: dict[str, Any] = json.loads(done.stdout)
        if figures.pop("refused"):
            raise BenchmarkFailed(figures["first_refusal"])
        del figures["first_refusal"]
        return figures


def _medians(runs: list[Figures]) -> Figures:
    return {name: median(run[name] for run in runs) for name in runs[0]}
