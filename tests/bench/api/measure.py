"""The run: what is started and seeded, who asks for what, what is printed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from ops.stack import services
from ops.stack.servers import free_port
from tests.bench import BenchmarkFailed, machine
from tests.bench.admin.seeding import PASSWORD
from tests.bench.api.seeding import seed
from tests.system import paper
from tests.system import stack as stacks
from tests.system.stack import Stack

WEB, SERIES = "web", 60
BOTS, BARE = "/api/v1/bots", "/api/v1/bench-plain"
PAGE = 50
CALLERS = 4  # as many as the process has threads
NO_LIMITS = dict.fromkeys(("THROTTLE_ADDRESS", "THROTTLE_USER", "THROTTLE_TOKEN"), "1000000000")


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure. Raises BenchmarkFailed when a list does not answer."""
    sizes = {"bots": 10_000, "trades": 100_000, "decisions": 0}
    rounds, requests, alone = 12, 300, 100
    if quick:
        sizes, rounds, requests, alone = {"bots": 60, "trades": 60, "decisions": 0}, 1, 12, 4
    home = machine.ROOT / ".local"  # not /tmp, which may be memory
    home.mkdir(exist_ok=True)
    with stacks.temporary(_stack, parent=home) as stack:
        caller = _Caller(stack, seed(stack, sizes))
        stack.start(WEB)
        figures = caller.measure(rounds=rounds, requests=requests, alone=alone)
    return sizes | figures | {"callers": CALLERS, "page": PAGE, "rounds": rounds, "machine": machine.describe()}


def _stack(directory: Path) -> Stack:
    stack = Stack(directory, options={"paper": ("--weight-limit", "1000000", *paper.options_for(SERIES))})
    stack.environment |= {"WEB_HOST": "127.0.0.1", "WEB_PORT": str(free_port()), "HTTPS_ONLY": "false", **NO_LIMITS}
    stack.environment[PASSWORD] = "not used by anybody"
    usual = services.web(stack.environment)
    argv = ["tests.bench.api.site" if part == "tradebot_site.wsgi" else part for part in usual.argv]
    stack.add(replace(usual, argv=argv))
    return stack


class _Caller:
    """A program with an operator's token."""

    def __init__(self, stack: Stack, token: str) -> None:
        self._stack, self._token = stack, token

    def measure(self, *, rounds: int, requests: int, alone: int) -> dict[str, Any]:
        """Both lists in turns: by a few callers at once, and by one alone."""
        for path in (BOTS, BARE):
            self._ask(path, count=max(requests // 3, CALLERS), connections=CALLERS)  # warm
        many: dict[str, list[dict[str, Any]]] = {BOTS: [], BARE: []}
        one: dict[str, list[dict[str, Any]]] = {BOTS: [], BARE: []}
        began = time.monotonic()
        for _ in range(rounds):
            for path in (BOTS, BARE):
                many[path].append(self._ask(path, count=requests, connections=CALLERS))
                one[path].append(self._ask(path, count=alone, connections=1))
        sys.stderr.write(f"measured for {time.monotonic() - began:.0f} s\n")
        speed, bare = (median(figures["per_second"] for figures in many[path]) for path in (BOTS, BARE))
        ratios = [bots["per_second"] / plain["per_second"] for bots, plain in zip(many[BOTS], many[BARE], strict=True)]
        return {
            "requests_per_second": round(speed, 1),
            "bare_requests_per_second": round(bare, 1),
            "ratio": round(median(ratios), 3),
            **_percentiles("", [took for figures in one[BOTS] for took in figures["latencies_ms"]]),
            **_percentiles("bare_", [took for figures in one[BARE] for took in figures["latencies_ms"]]),
            **_percentiles("crowded_", [took for figures in many[BOTS] for took in figures["latencies_ms"]]),
            "client_cores": round(median(figures["client_cores"] for figures in many[BOTS]), 2),
            "server_cores": round(median(figures["server_cores"] for figures in many[BOTS]), 2),
            "bytes": many[BOTS][0]["bytes"],
            "bare_bytes": many[BARE][0]["bytes"],
        }

    def _ask(self, path: str, *, count: int, connections: int) -> dict[str, Any]:
        task = {"host": "127.0.0.1", "port": int(self._stack.environment["WEB_PORT"]), "path": path}
        task |= {"token": self._token, "count": count, "connections": connections, "expected": '"results"'}
        worker = self._stack.children(WEB)[0]  # gunicorn's first process only watches over it
        argv = [sys.executable, "-m", "tests.bench.api.load", str(worker)]
        done = subprocess.run(
            argv, input=json.dumps(task), capture_output=True, text=True, check=False, cwd=machine.ROOT
        )
        if done.returncode:
            raise BenchmarkFailed(f"{path}: {done.stderr[-500:]}")
        figures: dict[str, Any] = json.loads(done.stdout)
        if figures["refused"]:
            raise BenchmarkFailed(f"{path}: {figures['first_refusal']}")
        return figures


def _percentiles(prefix: str, took: list[float]) -> dict[str, float]:
    took = sorted(took)
    return {
        f"{prefix}p50_ms": round(took[len(took) // 2], 2),
        f"{prefix}p99_ms": round(took[min(len(took) * 99 // 100, len(took) - 1)], 2),
    }
