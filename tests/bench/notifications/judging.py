"""What became of every piece of news: the receivers' ledger beside our database."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

TOPIC = "bot_error"
DELIVERIES_SQL = """
    SELECT d.id, d.status FROM ops_delivery d JOIN ops_notification n ON n.id = d.notification_id WHERE n.topic = %s
"""
DEAD_SQL = "SELECT args FROM ops_deadletter WHERE task LIKE 'ops.tasks.send_%%'"
NUMBER = re.compile(r"delivery-(\d+)-")


def unsettled(database: dict[str, Any]) -> int:
    """How many deliveries may still be tried."""
    with psycopg.connect(**database) as connection:
        rows = connection.execute(DELIVERIES_SQL, [TOPIC]).fetchall()
    return sum(status not in ("sent", "failed") for _, status in rows)


def judge(database: dict[str, Any], ledger: Path, told: int) -> dict[str, Any]:
    """How many of so many pieces of news arrived, failed and can be sent again, still wait, are lost, came twice."""
    arrivals = [json.loads(line) for line in ledger.read_text().splitlines()]
    with psycopg.connect(**database) as connection:
        rows = connection.execute(DELIVERIES_SQL, [TOPIC]).fetchall()
        letters = {args[0] for (args,) in connection.execute(DEAD_SQL).fetchall()}
    return figures(dict(rows), letters, arrivals, told) | _calls(arrivals)


def figures(
    statuses: dict[int, str], letters: set[int], arrivals: Iterable[dict[str, Any]], told: int
) -> dict[str, int]:
    """One delivery for each piece of news. What we call sent and nobody has, or failed without a letter, is lost."""
    taken = Counter(_number(arrival["id"]) for arrival in arrivals if arrival["taken"])
    gone = [number for number, status in statuses.items() if number not in taken and status in ("sent", "failed")]
    kept = [number for number in gone if statuses[number] == "failed" and number in letters]
    return {
        "notifications": told,
        "delivered": len(taken),
        "failed": len(kept),
        "waiting": len(statuses) - len(gone) - len(taken.keys() & statuses.keys()),
        "lost": told - len(statuses) + len(gone) - len(kept),
        "twice": sum(times > 1 for times in taken.values()),
    }


def _number(message: str) -> int:
    found = NUMBER.search(message)
    assert found, f"{message!r} is no id of ours"
    return int(found[1])


def _calls(arrivals: Iterable[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """How often each kind of receiver took a message, and did not."""
    counts = Counter((arrival["way"], "taken" if arrival["taken"] else "not_taken") for arrival in arrivals)
    return {"calls": {f"{way}_{what}": count for (way, what), count in sorted(counts.items())}}
