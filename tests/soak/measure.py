"""The run: what is started, what is looked at each minute, what is printed."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from ops.audit import audit
from ops.stack import services
from tests.bench import machine
from tests.system import paper
from tests.system import stack as stacks
from tests.system.stack import Stack

SERIES, PARAMS = 300, 1000
MOST_LATE_SECONDS = 5.0
WARM_MINUTES = 2  # caches fill and the fleet enters for the first time
# Afterwards the stream ends, and the fleet goes on by REST: the first of these minutes fills gaps, the others count.
REST_MINUTES = 3
MARKET_DATA = ("klines", "ticker/price", "ticker/bookTicker", "depth", "premiumIndex")
MOST_CALLS_BY_REST = 300
MEMORY_MINUTES = 9  # below this there is nothing to compare
MOST_GROWTH, SMALLEST_GROWTH_MB = 1.05, 5
TRADING = "worker-trading"
MOST_METRICS_FILES = 1 + 2 * 10  # of one service: its lock, and two for each process at once, of which some are ending
SETTLE_SECONDS = 120  # for what is under way when it ends
PENDING_SQL = """
    SELECT count(*) FROM trades_order o WHERE status IN ('intended', 'submitted', 'unknown')
        OR (status = 'open' AND type NOT IN ('stop', 'target'))
"""
# The minutes from the first slot that counts to the last that had its time; whether each was claimed, begun, ended.
TICKS_SQL = """
    SELECT slot.at IS NOT NULL, extract(epoch FROM tick.started_at - slot.at)::float8,
           extract(epoch FROM tick.finished_at - tick.started_at)::float8
      FROM generate_series(to_timestamp(%(since)s), to_timestamp(%(until)s), interval '1 minute') AS slot(at)
      LEFT JOIN bots_tick tick ON tick.slot = slot.at
     ORDER BY slot.at
"""


class SoakFailed(Exception):
    """The fleet could not be run at all."""


def run(minutes: int, bots: int, *, children: int = 2) -> dict[str, Any]:
    """Run it and tell what happened; ``failures`` are sentences about what must not be. Raises SoakFailed.

    ``children``: processes of the worker that trades.
    """
    series = min(SERIES, bots)
    home = machine.ROOT / ".local"
    home.mkdir(exist_ok=True)
    with stacks.temporary(lambda directory: _stack(directory, series, children), parent=home) as stack:
        return _Soak(stack, minutes, bots, series).measured() | {"machine": machine.describe()}


def _stack(directory: Path, series: int, children: int) -> Stack:
    stack = Stack(directory, options={"paper": paper.options_for(series)})
    for service in services.after_migration(stack.environment):
        if service.name == TRADING:
            stack.add(replace(service, argv=[*service.argv, "-c", str(children)]))  # the last one counts
        elif service.name != "web":
            stack.add(service)
    return stack


class _Soak:
    def __init__(self, stack: Stack, minutes: int, bots: int, series: int) -> None:
        self._stack, self._minutes, self._bots, self._series = stack, minutes, bots, series
        self._names = [service.name for service in services.after_migration(stack.environment) if service.name != "web"]

    def measured(self) -> dict[str, Any]:
        """All figures."""
        self._stack.run("manage.py", "prepare")
        size = [f"--bots={self._bots}", f"--series={self._series}", f"--params={min(PARAMS, self._bots)}"]
        self._stack.run("manage.py", "seed_fleet", *size)
        self._stack.start(*self._names)
        with psycopg.connect(**self._stack.database, autocommit=True) as self._database:
            return self._watched()

    def _watched(self) -> dict[str, Any]:
        began = (int(time.time()) // 60 + WARM_MINUTES) * 60
        self._stack.pause(began - time.time())
        rows, counted = self._sizes(), _metrics_of(self._stack, TRADING)
        called, memory = self._minutes_of_calls(self._minutes)
        metrics = {name: _metrics_of(self._stack, name) for name in self._names}
        grown = self._sizes()
        self._stack.end("stream")
        self._names.remove("stream")
        by_rest, _ = self._minutes_of_calls(REST_MINUTES)
        ticks = self._ticks(began, time.time() - 60)
        self._come_to_rest()
        findings = audit(self._stack.database, self._stack.ledger, at_rest=True)
        figures = {
            "minutes": self._minutes,
            "bots": self._bots,
            "series": self._series,
            **ticks,
            "rss_mb": {name: _thirds([sample.get(name, 0) for sample in memory]) for name in memory[0]},
            "metrics": metrics,
            "metrics_of_trading_at_begin": counted,
            "calls_per_minute": _mean(called),
            "market_data_calls_per_minute": _of_market_data(called),
            "market_data_calls_per_minute_by_rest": _of_market_data(by_rest[1:]),
            "weight_violations": self._violations(),
            "rows": {name: grown[name] - rows[name] for name in rows if name != "bytes"},
            "bytes_per_bot_and_day": round((grown["bytes"] - rows["bytes"]) / self._bots / self._minutes * 1440),
            # What the audit calls pending are the stops and targets that rest.
            "audit": {name: count for name, count in findings.counts.items() if name != "pending"},
            "unsettled": self._one(PENDING_SQL),
            "died": self._stack.died,
        }
        return figures | {"failures": _failures(figures)}

    def _minutes_of_calls(self, minutes: int) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
        """Of each minute the calls to the exchange, and the memory at its end."""
        called, memory, before = [], [], self._calls()
        until = time.time()
        for _ in range(minutes):
            until += 60
            self._stack.pause(until - time.time())
            now = self._calls()
            called.append({name: count - before.get(name, 0) for name, count in now.items()})
            memory.append(self._memory())
            before = now
        return called, memory

    def _ticks(self, since: float, until: float) -> dict[str, Any]:
        rows = self._database.execute(TICKS_SQL, {"since": since, "until": until}).fetchall()
        begun = [late for _, late, _ in rows if late is not None]
        took = sorted(seconds for _, _, seconds in rows if seconds is not None)
        return {
            "ticks": len(rows),
            "missed": len(rows) - len(begun),
            "late": sum(late > MOST_LATE_SECONDS for late in begun),
            "latest_seconds": round(max(begun, default=0.0), 2),
            "unfinished": len(begun) - len(took),
            "tick_p50_seconds": round(took[len(took) // 2], 2) if took else None,
            "tick_max_seconds": round(took[-1], 2) if took else None,
        }

    def _come_to_rest(self) -> None:
        """No more ticks; what is under way ends."""
        self._stack.end("beat")
        self._stack.run("-c", STOP)
        deadline = time.monotonic() + SETTLE_SECONDS
        while self._one(PENDING_SQL) and time.monotonic() < deadline:
            self._stack.run("-c", RECONCILE)
            self._stack.pause(2)
        for name in self._names:
            self._stack.end(name)

    def _memory(self) -> dict[str, int]:
        """Resident megabytes of each process and what it has started."""
        return {name: _resident_mb(self._stack, name) for name in self._names}

    def _calls(self) -> dict[str, int]:
        return dict(paper.stats(self._stack.environment)["requests"])

    def _violations(self) -> int:
        answers = paper.stats(self._stack.environment)["answers"]
        return sum(answers.get(status, 0) for status in ("418", "429"))

    def _sizes(self) -> dict[str, int]:
        tables = ("bots_decision", "trades_order", "trades_fill", "trades_event")
        counts = {name: int(self._one(f"SELECT count(*) FROM {name}")) for name in tables}
        return counts | {"bytes": int(self._one("SELECT pg_database_size(current_database())"))}

    def _one(self, sql: str) -> Any:
        row = self._database.execute(sql).fetchone()
        assert row is not None
        return row[0]


IN_DJANGO = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'tradebot_site.settings'; django.setup()\n"
STOP = f"""{IN_DJANGO}
from bots.models import BotConfig
BotConfig.objects.update(desired_state="stopped", exits_when_stopped=False)
"""
RECONCILE = f"""{IN_DJANGO}
from django.utils import timezone
from trades.services import reconcile_orders
reconcile_orders(now=timezone.now())
"""


def _metrics_of(stack: Stack, name: str) -> dict[str, int]:
    """Files of a service's metrics and their kilobytes; the lock is one of them."""
    files = [path.stat().st_size for path in (stack.places.local / "metrics" / name).glob("*")]
    return {"files": len(files), "kb": sum(files) // 1024}


def _resident_mb(stack: Stack, name: str) -> int:
    pages = 0
    for pid in (stack.pid(name), *stack.children(name)):
        pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 // 2**20


def _mean(called: list[dict[str, int]]) -> dict[str, float]:
    """Calls per minute of each endpoint that was called."""
    names = sorted({name for minute in called for name, count in minute.items() if count})
    return {name: round(sum(minute.get(name, 0) for minute in called) / len(called), 1) for name in names}


def _of_market_data(called: list[dict[str, int]]) -> float:
    return round(sum(count for name, count in _mean(called).items() if name.endswith(MARKET_DATA)), 1)


def _thirds(samples: list[int]) -> list[float]:
    """The medians of the first, the middle and the last third."""
    third = max(len(samples) // 3, 1)
    return [median(samples[:third]), median(samples[-2 * third : -third] or samples), median(samples[-third:])]


def _failures(figures: dict[str, Any]) -> list[str]:
    """What must not be."""
    found = [f"{figures[name]} ticks {name}" for name in ("missed", "late", "unfinished") if figures[name]]
    if figures["weight_violations"]:
        found.append(f"{figures['weight_violations']} calls beyond the exchange's limit")
    if figures["market_data_calls_per_minute"]:
        found.append(f"{figures['market_data_calls_per_minute']} calls a minute for market data beside the stream")
    if figures["market_data_calls_per_minute_by_rest"] > MOST_CALLS_BY_REST:
        found.append(f"{figures['market_data_calls_per_minute_by_rest']} calls a minute for market data by REST")
    if figures["minutes"] >= MEMORY_MINUTES:
        found += [
            f"{name} grew from {middle} to {last} MB"
            for name, (_, middle, last) in figures["rss_mb"].items()
            if last > middle * MOST_GROWTH + SMALLEST_GROWTH_MB
        ]
    found += [
        f"{name} has {held['files']} files of metrics"
        for name, held in figures["metrics"].items()
        if held["files"] > MOST_METRICS_FILES
    ]
    if not figures["metrics"][TRADING]["files"]:
        found.append(f"{TRADING} has counted nothing")
    if figures["unsettled"]:
        found.append(f"{figures['unsettled']} orders without a clear outcome")
    found += [f"{count} {name} by the audit" for name, count in figures["audit"].items() if count]
    found += [f"died: {line}" for line in figures["died"]]
    return found
