"""How PostgreSQL is doing: tables, connections, queries, locks. Rows of tables are the statistics' estimates."""

from typing import Any

from django.db.backends.utils import CursorWrapper

from market.redaction import redacted_text
from ops.monitor.reading import one, rows

MOST_QUERY = 160  # characters of a statement that are shown
NO_STATEMENTS = (
    "pg_stat_statements is not installed: shared_preload_libraries = 'pg_stat_statements', restart PostgreSQL,"
    " then CREATE EXTENSION pg_stat_statements"
)

TABLES = """
    SELECT s.relname AS table, pg_total_relation_size(s.relid) AS bytes, s.n_live_tup AS rows_estimate,
           s.n_dead_tup AS dead_estimate, greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at,
           greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at
      FROM pg_stat_user_tables s ORDER BY bytes DESC LIMIT 15
"""
CONNECTIONS = """
    SELECT coalesce(state, 'other') AS state, count(*) AS count,
           extract(epoch FROM max(clock_timestamp() - state_change))::float8 AS longest_seconds
      FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1 ORDER BY 1
"""
BOUND = "SELECT current_setting('max_connections')::int AS most, pg_database_size(current_database()) AS bytes"
RUNNING = """
    SELECT pid, state, extract(epoch FROM clock_timestamp() - query_start)::float8 AS seconds,
           coalesce(wait_event_type || ': ' || wait_event, '') AS waits_for, left(query, 1000) AS query
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'
           AND clock_timestamp() - query_start > interval '1 second'
     ORDER BY query_start LIMIT 10
"""
LOCKS = """
    SELECT l.pid, pg_blocking_pids(l.pid) AS blocked_by, l.mode, coalesce(l.relation::regclass::text, l.locktype) AS on,
           extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS seconds, left(a.query, 1000) AS query
      FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted ORDER BY a.query_start LIMIT 10
"""
HAS_STATEMENTS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') AS there"
STATEMENTS = """
    SELECT calls, mean_exec_time AS mean_ms, total_exec_time AS total_ms, rows, left(query, 1000) AS query
      FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
     ORDER BY total_exec_time DESC LIMIT 10
"""


def server(cursor: CursorWrapper) -> dict[str, Any]:
    """By subject; None where the answer took too long or is not for us to see."""
    there = one(cursor, HAS_STATEMENTS) or {"there": False}
    return {
        "database": one(cursor, BOUND),
        "tables": rows(cursor, TABLES),
        "connections": rows(cursor, CONNECTIONS),
        "running": _told(rows(cursor, RUNNING)),
        "locks_waited_for": _told(rows(cursor, LOCKS)),
        "slow_queries": _told(rows(cursor, STATEMENTS)) if there["there"] else None,
        "slow_queries_note": "" if there["there"] else NO_STATEMENTS,
    }


def _told(found: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    return None if found is None else [row | {"query": shown(row["query"])} for row in found]


def shown(query: str) -> str:
    """A statement on one line, without what looks like a secret, and not all of it."""
    text = redacted_text(" ".join(query.split()))
    return text if len(text) <= MOST_QUERY else f"{text[: MOST_QUERY - 1]}…"
