"""What must never be in these tables. Each probe is cheap: an index leads to what it reads, or it reads what is new.

`manage.py audit` computes all books anew; here only what changed in the last hour is added up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.backends.utils import CursorWrapper

from ops.monitor.reading import one

RECENT = timedelta(hours=1)
MOST = 5_000  # rows of the last hour that are looked at: the newest


@dataclass(frozen=True)
class Probe:
    """A question that counts rows which must not be. ``sql`` takes now, since and most, and selects ``count``."""

    name: str
    sql: str
    mend: str
    of_new_fills: bool = False  # it reads the table `new`

    @property
    def question(self) -> str:
        """The whole statement."""
        return NEW_FILLS + self.sql if self.of_new_fills else self.sql


# The newest fills of the last hour.
NEW_FILLS = """
    WITH new AS (SELECT id, order_id, position_id FROM trades_fill
                  WHERE executed_at >= %(since)s ORDER BY executed_at DESC LIMIT %(most)s)
"""
ADOPT = "run reconcile-all-accounts-nightly (periodic tasks, Run now), then manage.py audit; runbook: Books differ"
ASK = "is the worker of high_priority alive, reconcile-orders enabled? manage.py workers; runbook: Order unknown"

PROBES = (
    Probe(
        "fills_without_trade",
        "SELECT count(*) FROM new LEFT JOIN trades_trade t USING (order_id) WHERE t.id IS NULL",
        ADOPT,
        of_new_fills=True,
    ),
    Probe(
        "orders_not_their_fills",
        """SELECT count(*) FROM trades_order o WHERE o.id IN (SELECT order_id FROM new) AND o.filled_quantity <>
             (SELECT coalesce(sum(f.quantity), 0) FROM trades_fill f WHERE f.order_id = o.id)""",
        ADOPT,
        of_new_fills=True,
    ),
    Probe(
        "positions_not_their_fills",
        """SELECT count(*) FROM trades_position p
             JOIN LATERAL (
                SELECT sum(CASE o.side WHEN 'BUY' THEN f.quantity ELSE -f.quantity END
                           - CASE WHEN f.commission_asset = p.base_asset THEN f.commission ELSE 0 END) AS quantity,
                       sum(f.commission_quote) AS fees
                  FROM trades_fill f JOIN trades_order o ON o.id = f.order_id WHERE f.position_id = p.id
             ) AS made ON true
            WHERE p.id IN (SELECT position_id FROM new LIMIT 200)
              AND (p.quantity <> made.quantity OR p.fees <> made.fees)""",
        ADOPT,
        of_new_fills=True,
    ),
    Probe(
        "orders_intended_too_long",
        """SELECT count(*) FROM trades_order
            WHERE status = 'intended' AND created_at < %(now)s - interval '2 minutes'""",
        ASK,
    ),
    Probe(
        "orders_in_doubt_too_long",
        """SELECT count(*) FROM trades_order
            WHERE status IN ('submitted', 'unknown') AND created_at < %(now)s - interval '10 minutes'""",
        ASK,
    ),
    Probe(
        "positions_with_several_live_entries",
        """SELECT count(*) FROM (SELECT FROM trades_order
            WHERE purpose = 'entry' AND status IN ('intended', 'submitted', 'unknown', 'open')
            GROUP BY position_id HAVING count(*) > 1) AS several""",
        "kill_switch halt --platform, then REINDEX INDEX order_one_live_entry_per_position: the index is broken",
    ),
    Probe(
        "bots_without_state",
        """SELECT count(*) FROM bots_botconfig b
            WHERE NOT EXISTS (SELECT FROM bots_botstate s WHERE s.bot_id = b.id)""",
        "somebody wrote past the services: clone the bot in the admin, and delete the one without state",
    ),
    Probe(
        "positions_without_bot",
        """SELECT count(*) FROM trades_position p
            WHERE abs(quantity) >= smallest_quantity AND quantity <> 0 AND NOT by_hand
              AND NOT EXISTS (SELECT FROM bots_botconfig b WHERE b.position_id = p.id)""",
        "nothing watches them: close them at the exchange; runbook: Books differ",
    ),
    Probe(
        "news_nobody_handled",
        """SELECT count(*) FROM (SELECT FROM trades_event
            WHERE handled_at IS NULL AND created_at < %(now)s - interval '5 minutes' LIMIT %(most)s) AS late""",
        "is the worker of default alive, distribute-notifications enabled? manage.py workers",
    ),
    Probe(
        "orders_by_hand_not_ended",
        """SELECT count(*) FROM trades_orderbyhand
            WHERE status IN ('pending', 'running') AND created_at < %(now)s - interval '5 minutes'""",
        ASK,
    ),
    Probe(
        "transactions_idle_too_long",
        """SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state LIKE 'idle in transaction%%'
              AND state_change < clock_timestamp() - interval '60 seconds'""",
        "SELECT pg_terminate_backend(pid): it holds locks, and keeps VACUUM from its work",
    ),
    Probe(
        "promises_not_kept",
        """SELECT (SELECT count(*) FROM pg_index WHERE NOT indisvalid)
                + (SELECT count(*) FROM pg_constraint WHERE NOT convalidated) AS count""",
        "an index or a constraint is not in force: REINDEX, or ALTER TABLE … VALIDATE CONSTRAINT",
    ),
)


def probed(cursor: CursorWrapper, *, now: datetime) -> list[dict[str, Any]]:
    """Each probe with how many rows it found; None when it took too long, which is no proof that all is well."""
    parameters = {"now": now, "since": now - RECENT, "most": MOST}
    return [
        {"name": probe.name, "count": _count(one(cursor, probe.question, parameters)), "mend": probe.mend}
        for probe in PROBES
    ]


def _count(row: dict[str, Any] | None) -> int | None:
    return None if row is None else row["count"]
