"""Make the yearly report of everybody: ``python -m tests.bench.report.worker``; prints what it took."""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

from tests.bench.report.seeding import DAYS

SLOWEST = 2
EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "


def main() -> None:
    """Once, in a process that has made none before."""
    django.setup()
    from django.contrib.auth.models import User
    from django.db import connection
    from django.utils import timezone

    from ops.models import Report
    from ops.reports import Wanted, ask_for_report, make_report
    from ops.reports.making import period_of

    user = User.objects.get(username=sys.argv[1])
    now = timezone.now()
    first, last = (now - timedelta(days=DAYS)).date(), (now - timedelta(days=1)).date()
    wanted = Wanted(Report.Kind.YEARLY, of_everybody=True, first_day=first, last_day=last)
    report = ask_for_report(user, wanted, now=now)
    before, statements = _memory_mb("VmRSS"), list[tuple[float, str, Any]]()

    def timed(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            statements.append((time.perf_counter() - began, sql, params))

    began = time.perf_counter()
    with connection.execute_wrapper(timed):
        make_report(report.pk, now=timezone.now())
    seconds = time.perf_counter() - began
    report.refresh_from_db()
    (found,) = report.environments
    figures = {
        "seconds": round(seconds, 2),
        "peak_rss_mb": round(_memory_mb("VmHWM"), 1),
        "rss_before_mb": round(before, 1),
        "sql_statements": len(statements),
        "days": len(period_of(report).days),
        "trades_in_the_report": found["sums"]["trades"],
        "positions_closed": found["figures"]["closed"],
        "figures": found["figures"],
        "plans": [_plan(connection, *slow) for slow in _slowest(statements)],
    }
    print(json.dumps(figures))  # noqa: T201


def _slowest(statements: list[tuple[float, str, Any]]) -> list[tuple[float, str, Any]]:
    reading = [told for told in statements if told[1].lstrip().startswith(("SELECT", "WITH"))]
    return sorted(reading, key=lambda told: told[0], reverse=True)[:SLOWEST]


def _memory_mb(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _plan(connection: Any, seconds: float, sql: str, params: Any) -> dict[str, Any]:
    """What PostgreSQL did for a statement."""
    with connection.cursor() as cursor:
        cursor.execute(EXPLAIN + sql, params)
        told = cursor.fetchone()[0]
    (plan,) = json.loads(told) if isinstance(told, str) else told
    nodes = list(_nodes(plan["Plan"]))
    return {
        "seconds": round(seconds, 2),
        "statement": " ".join(sql.split())[:60],
        "execution_ms": round(plan["Execution Time"]),
        "nodes": [f"{node['Node Type']} {node.get('Relation Name', '')}".strip() for node in nodes],
        "rows_read": max(node["Actual Rows"] * node["Actual Loops"] for node in nodes),
        "sort_kb": sum(node.get("Sort Space Used", 0) for node in nodes),
        "temp_mb": round(plan["Plan"].get("Temp Written Blocks", 0) / 128),
    }


def _nodes(plan: dict[str, Any]) -> Any:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


if __name__ == "__main__":
    main()
