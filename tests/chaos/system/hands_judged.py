"""What became of orders by hand, judged by SQL and by what the site tells their owner. A part of the auditor.

Each request that was accepted is one row, which ended as one order or as none; nobody's order is without such a row;
and the site tells of it what the exchange knows.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.chaos.system.hands import Web

NEWEST = 150  # are asked for at the site; the older ones were, after the wave that they belong to
ROWS_SQL = """
    SELECT a.key, a.task_id::text, a.status, a.code, o.client_order_id
      FROM trades_orderbyhand a LEFT JOIN trades_order o ON o.id = a.order_id ORDER BY a.id
"""
# The keys are the tasks' numbers: a second order of one act has the same, one that nobody asked for has none.
ORPHANS_SQL = """
    SELECT o.client_order_id, o.signal_key FROM trades_order o JOIN trades_position p ON p.id = o.position_id
     WHERE p.by_hand AND NOT EXISTS (SELECT FROM trades_orderbyhand a WHERE a.order_id = o.id)
"""
LEDGER_SQL = "SELECT client_order_id, status, executed_qty FROM orders WHERE client_order_id LIKE 'tb-%'"
UNFINISHED = ("pending", "running")
OPEN = ("NEW", "PARTIALLY_FILLED")


@dataclass
class Verdict:
    """Sentences about what is wrong, by kind."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def judge(connection: Any, ledger: Path, accepted: Path, url: str, token: str) -> Verdict:
    """Compare what the clients were promised with the rows, with the exchange, and with what the site tells."""
    promised = [line.split() for line in accepted.read_text().splitlines()]
    rows = connection.execute(ROWS_SQL).fetchall()
    by_key = {key: (task, *rest) for key, task, *rest in rows}
    verdict = Verdict(counts={"accepted": len({key for key, _ in promised}), **Counter(row[2] for row in rows)})
    for key, count in Counter(key for key, *_ in rows).items():
        if count > 1:
            verdict.duplicated.append(f"the key {key} has {count} rows")
    for name, act in connection.execute(ORPHANS_SQL).fetchall():
        verdict.duplicated.append(f"order {name} by hand ({act}) is nobody's wish, or a second one of it")
    for key, task in promised:
        if key not in by_key or by_key[key][0] != task:
            verdict.lost.append(f"the order by hand {key} was accepted as {task}, and is {by_key.get(key)}")
    for key, _, status, *_ in rows:
        if status in UNFINISHED:
            verdict.unresolved.append(f"the order by hand {key} is still {status}")
    verdict.untrue = list(_untrue(rows[-NEWEST:], _at_exchange(ledger), Web(url, token)))
    return verdict


def _at_exchange(ledger: Path) -> dict[str, tuple[str, Decimal]]:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)) as connection:
        return {name: (status, Decimal(done)) for name, status, done in connection.execute(LEDGER_SQL)}


def _untrue(rows: list[Any], exchange: dict[str, tuple[str, Decimal]], web: Web) -> Iterator[str]:
    """What the site tells of orders by hand otherwise than it is."""
    for key, task, status, code, name in rows:
        if status in UNFINISHED:
            continue
        http, told = web.ask("GET", f"/api/tasks/status/{task}")
        if http != 200:
            yield f"{key}: the site answers {http} {told}"
            continue
        state, executed = exchange.get(name, ("", Decimal(0)))
        if not (_is_no_order(told, code) if name is None else _is_this_order(told, state, executed)):
            told_of = f"{status} {code}".strip()
            yield f"{key} is told as {told}, while it is {told_of}, at the exchange {state or 'unknown'} {executed}"


def _is_no_order(told: dict[str, Any], code: str) -> bool:
    return bool(told["status"] == "failed" and told["result"] is None and told["error"]["code"] == code)


def _is_this_order(told: dict[str, Any], state: str, executed: Decimal) -> bool:
    is_told = Decimal(told["result"]["executed_quantity"]) == executed
    return is_told and (told["status"] == "success") == _took_place(told, state, executed)


def _took_place(told: dict[str, Any], state: str, executed: Decimal) -> bool:
    """Whether the exchange has, or had, what was asked for; one that was canceled on demand is none that failed."""
    return executed > 0 or state in OPEN or (state == "CANCELED" and told["error"] is None)
