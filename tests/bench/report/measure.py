"""The run: what is started and seeded, who makes the report, what is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg

from tests.bench import BenchmarkFailed, machine
from tests.bench.admin.seeding import PASSWORD, USER
from tests.bench.report.seeding import seed
from tests.system import paper
from tests.system import stack as stacks
from tests.system.stack import Stack

SERIES, PARAMS = 60, 100
BOUNDS = {"seconds": 10, "peak_rss_mb": 500}


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure. Raises BenchmarkFailed when the report is not of all trades."""
    bots, trades = (20, 400) if quick else (1_000, 1_200_000)
    home = machine.ROOT / ".local"  # not /tmp, which may be memory
    home.mkdir(exist_ok=True)
    with stacks.temporary(_stack, parent=home) as stack:
        made = _seed(stack, bots, trades)
        figures = json.loads(stack.run("-m", "tests.bench.report.worker", USER))
    if figures["trades_in_the_report"] != made:
        raise BenchmarkFailed(f"{figures['trades_in_the_report']} of {made} trades are in the report")
    return {"bots": bots, "trades": made, "bounds": BOUNDS, **figures, "machine": machine.describe()}


def _stack(directory: Path) -> Stack:
    stack = Stack(directory, options={"paper": ("--weight-limit", "1000000", *paper.options_for(SERIES))})
    stack.environment[PASSWORD] = "not used by anybody"
    stack.environment["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    return stack


def _seed(stack: Stack, bots: int, trades: int) -> int:
    stack.run("manage.py", "migrate", "--verbosity=0")
    numbers = {"bots": bots, "series": min(SERIES, bots), "params": min(PARAMS, bots)}
    stack.run("manage.py", "seed_fleet", *(f"--{name}={number}" for name, number in numbers.items()))
    stack.run("manage.py", "createsuperuser", "--noinput", f"--username={USER}", "--email=bench@example.com")
    with psycopg.connect(**stack.database, autocommit=True) as database:
        return seed(database, trades=trades)
