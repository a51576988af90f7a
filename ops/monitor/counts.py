"""What the database holds. Tables that grow for ever are estimated from the statistics, or counted since midnight."""

from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

from ops.monitor.reading import one, rows

MOST_TODAY = 1_000_000  # of today's trades are counted; more are "as many at least"

USERS = """
    SELECT count(*) AS all, count(*) FILTER (WHERE is_active) AS active,
           count(*) FILTER (WHERE is_staff AND is_active) AS staff
      FROM auth_user
"""
ACCOUNTS = """
    SELECT environment, state, count(*) AS accounts, count(*) FILTER (WHERE api_key <> '') AS with_key,
           count(*) FILTER (WHERE key_error <> '') AS key_refused
      FROM market_exchangeaccount GROUP BY environment, state ORDER BY environment, state
"""
BOTS = "SELECT status, count(*) AS count FROM bots_botstate GROUP BY status ORDER BY status"
ACTIVE = "SELECT count(*) AS count FROM bots_botconfig WHERE desired_state = 'running'"
LIVE = """
    SELECT status, count(*) AS count FROM trades_order
     WHERE status IN ('intended', 'submitted', 'unknown', 'open') GROUP BY status ORDER BY status
"""
ESTIMATE = "SELECT greatest(reltuples, 0)::bigint AS count FROM pg_class WHERE oid = 'trades_trade'::regclass"
TODAY = """
    SELECT count(*) AS count FROM (
        SELECT FROM trades_trade WHERE created_at >= %(midnight)s LIMIT %(most)s
    ) AS today
"""


def counts(cursor: CursorWrapper, *, now: datetime) -> dict[str, Any]:
    """By subject; None where the answer took too long. ``trades.total_estimate`` is what the last ANALYZE saw."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "users": one(cursor, USERS),
        "accounts": rows(cursor, ACCOUNTS),
        "bots": {"active": _count(one(cursor, ACTIVE)), "by_status": _by_status(rows(cursor, BOTS))},
        "orders_live": _by_status(rows(cursor, LIVE)),
        "trades": {
            "total_estimate": _count(one(cursor, ESTIMATE)),
            "today": _count(one(cursor, TODAY, {"midnight": midnight, "most": MOST_TODAY})),
        },
    }


def _count(row: dict[str, Any] | None) -> int | None:
    return None if row is None else row["count"]


def _by_status(found: list[dict[str, Any]] | None) -> dict[str, int] | None:
    return None if found is None else {row["status"]: row["count"] for row in found}
