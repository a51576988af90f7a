"""What the rounds left behind, judged by a process that knows nothing of the project: ``python -m …auditor``.

It reads the two databases only, by SQL. Beside the comparison of `ops.audit`, which imports nothing of the project
either: orders without an outcome, orders accepted while the switch was pressed, positions without a stop.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from ops.audit import audit
from tests.chaos.system import hands_judged

# The harness notes here, in the database that is judged, when it pressed the switch of an account: from the moment at
# which that was committed until just before it was released.
PRESSES = """
    CREATE TABLE IF NOT EXISTS chaos_press (id bigserial PRIMARY KEY, account_id bigint NOT NULL, state text NOT NULL,
        pressed_at timestamptz, released_at timestamptz)
"""
UNRESOLVED_SQL = """
    SELECT client_order_id, status FROM trades_order WHERE status IN ('intended', 'submitted', 'unknown') ORDER BY id
"""
GIVEN_UP_SQL = """
    SELECT DISTINCT o.client_order_id, e.kind FROM trades_event e JOIN trades_order o ON o.id = e.order_id
     WHERE e.kind IN ('order_absent', 'order_rejected') AND o.filled_quantity > 0
"""
FORBIDDEN_SQL = """
    SELECT o.client_order_id, o.purpose, c.state, extract(epoch FROM c.pressed_at), extract(epoch FROM c.released_at)
      FROM chaos_press c JOIN trades_position p ON p.account_id = c.account_id
      JOIN trades_order o ON o.position_id = p.id
     WHERE o.signed_at BETWEEN c.pressed_at - interval '5 minutes' AND c.released_at
       AND (o.purpose = 'entry' OR (o.purpose = 'exit' AND c.state = 'halted'))
"""
# The exchange takes no order below 5 USDT: what a take profit left over of that size nobody can sell, or protect.
WANTS_STOP = "b.stop_loss_percent IS NOT NULL AND p.quantity * p.entry_price > 6"
NAKED_SQL = f"""
    SELECT max(seconds) FROM (
        SELECT max(naked_seconds) AS seconds FROM trades_order
        UNION ALL
        SELECT max(extract(epoch FROM clock_timestamp() - p.naked_since)) FROM trades_position p
          JOIN bots_botconfig b ON b.position_id = p.id WHERE {WANTS_STOP}) AS each
"""
STILL_NAKED_SQL = f"""
    SELECT p.id, extract(epoch FROM clock_timestamp() - p.naked_since) FROM trades_position p
      JOIN bots_botconfig b ON b.position_id = p.id WHERE {WANTS_STOP} AND p.naked_since IS NOT NULL
"""
ACCEPTED_SQL = "SELECT client_order_id, min(time_ms) FROM orders WHERE client_order_id LIKE 'tb-%' GROUP BY 1"


def judge(
    conninfo: dict[str, Any], ledger: Path, *, grace_seconds: float, hands: dict[str, str] | None
) -> dict[str, Any]:
    """Sentences about everything that is wrong at rest, by kind; how many orders there are; the longest time naked.

    ``hands``: how to ask what has become of orders by hand. ``grace_seconds``: how long a request that left before the
    switch was pressed may be under way.
    """
    findings = audit(conninfo, ledger, at_rest=True)
    accepted, by_hand = _accepted(ledger), hands_judged.Verdict()
    with psycopg.connect(**conninfo) as connection:
        unresolved = connection.execute(UNRESOLVED_SQL).fetchall()
        given_up = connection.execute(GIVEN_UP_SQL).fetchall()
        pressed = connection.execute(FORBIDDEN_SQL).fetchall()
        still_naked = connection.execute(STILL_NAKED_SQL).fetchall()
        (naked,) = connection.execute(NAKED_SQL).fetchone() or (None,)
        if hands:
            by_hand = hands_judged.judge(connection, ledger, Path(hands["accepted"]), hands["url"], hands["token"])
        (orders,) = connection.execute("SELECT count(*) FROM trades_order").fetchone() or (0,)
    return {
        "lost": findings.lost
        + [f"{name} was told as {kind}, and was executed" for name, kind in given_up]
        + by_hand.lost,
        "duplicated": findings.duplicated + by_hand.duplicated,
        "phantom": findings.phantom,
        "unequal": findings.unequal,
        "unresolved": [f"order {name} is still {status}" for name, status in unresolved] + by_hand.unresolved,
        "untrue": by_hand.untrue,
        "forbidden": list(_forbidden(pressed, accepted, grace_seconds)),
        "naked": [f"position {position} has been without a stop for {since:.1f} s" for position, since in still_naked],
        "orders": orders,
        "by_hand": by_hand.counts,
        "naked_seconds_max": round(float(naked or 0), 1),
    }


def _accepted(ledger: Path) -> dict[str, float]:
    """When the exchange accepted each of our orders, in seconds of the epoch."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)) as connection:
        return {name: ms / 1000 for name, ms in connection.execute(ACCEPTED_SQL)}


def _forbidden(pressed: list[Any], accepted: dict[str, float], grace_seconds: float) -> Iterator[str]:
    for name, purpose, state, pressed_at, released_at in pressed:
        at = accepted.get(name)
        if at is not None and float(pressed_at) + grace_seconds < at < float(released_at):
            late = at - float(pressed_at)
            yield f"{purpose} {name} was accepted {late:.1f} s after its account became {state}"


def main() -> None:
    """Judge what the command line names."""
    parser = argparse.ArgumentParser(prog="auditor")
    parser.add_argument("--database", type=json.loads, required=True, help="connection parameters of psycopg, as JSON")
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--grace-seconds", type=float, required=True)
    parser.add_argument("--hands", type=json.loads, help="url, token, and the file of what was accepted, as JSON")
    given = parser.parse_args()
    verdict = judge(given.database, given.ledger, grace_seconds=given.grace_seconds, hands=given.hands)
    print(json.dumps(verdict))  # noqa: T201


if __name__ == "__main__":
    main()
