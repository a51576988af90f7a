from collections.abc import Callable
from typing import Any

from django.db import Error
from django.utils import timezone

from market.redaction import redacted_text
from ops.console import Cell, ReportingCommand, Table, age, judged, size
from ops.health import Level
from ops.monitor import look_at_database

Line = dict[str, Any]
TOO_LONG = "unknown: took too long"


class Command(ReportingCommand):
    help = "What the database holds, how it does, and whether its rows fit together. Exit 1: a probe found something."

    def look(self, **options: Any) -> dict[str, Any]:
        try:
            return {"error": None} | look_at_database(now=timezone.now())
        except Error as error:  # also of a connection that ended amid the look
            words = redacted_text(str(error)).strip().partition("\n")[0]
            return {"healthy": False, "error": f"database: {words}; is it there? docs/runbook.md: Database away"}

    def show(self, found: dict[str, Any]) -> None:
        if found["error"]:
            self.stderr.write(found["error"])
            return
        self.print_table(Table("What it holds", ["", ""], _holdings(found)))
        columns = ["environment", "state", "accounts", "with key", "key refused"]
        self._list("Accounts", columns, found["accounts"], lambda row: list(row.values()))
        columns = ["table", "size", "rows (estimate)", "dead (estimate)", "vacuumed", "analyzed"]
        self._list("The 15 biggest tables", columns, found["tables"], _table)
        columns = ["state", "count", "longest"]
        self._list("Connections", columns, found["connections"], _connection)
        columns = ["pid", "for", "waits for", "statement"]
        self._list("Statements that run for more than a second", columns, found["running"], _running)
        columns = ["pid", "blocked by", "lock", "on", "for", "statement"]
        self._list("Locks that are waited for", columns, found["locks_waited_for"], _lock)
        note = found["slow_queries_note"]
        columns = ["calls", "mean", "total", "statement"]
        self._list("Statements that took most time", columns, found["slow_queries"], _slow, otherwise=note)
        self.print_table(Table("What must not be", ["probe", "found", "mend"], list(map(_probe, found["probes"]))))

    def _list(
        self,
        title: str,
        columns: list[str],
        lines: list[Line] | None,
        row: Callable[[Line], list[Cell]],
        otherwise: str = "",
    ) -> None:
        empty = "none" if lines is not None else otherwise or TOO_LONG
        self.print_table(Table(title, columns, [row(line) for line in lines or []], empty))


def _holdings(found: dict[str, Any]) -> list[list[Cell]]:
    users, bots, trades, database = found["users"], found["bots"], found["trades"], found["database"]
    return [
        ["users", _counted(users)],
        ["bots active", bots["active"]],
        ["bots", _counted(bots["by_status"])],
        ["orders at work", _counted(found["orders_live"])],
        ["trades today (UTC)", trades["today"]],
        ["trades, all (estimate)", trades["total_estimate"]],
        ["database", TOO_LONG if database is None else size(database["bytes"])],
        ["connections allowed", None if database is None else database["most"]],
    ]


def _counted(counts: dict[str, int] | None) -> str:
    if counts is None:
        return TOO_LONG
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _table(row: Line) -> list[Cell]:
    dead: Cell = row["dead_estimate"]
    if row["dead_estimate"] > max(10_000, row["rows_estimate"] / 5):
        dead = judged(f"{dead:,}", Level.WARNING)
    return [row["table"], size(row["bytes"]), row["rows_estimate"], dead, row["vacuumed_at"], row["analyzed_at"]]


def _connection(row: Line) -> list[Cell]:
    return [row["state"], row["count"], age(row["longest_seconds"])]


def _running(row: Line) -> list[Cell]:
    return [str(row["pid"]), age(row["seconds"]), row["waits_for"], row["query"]]


def _lock(row: Line) -> list[Cell]:
    blockers = ", ".join(map(str, row["blocked_by"]))
    return [str(row["pid"]), blockers, row["mode"], row["on"], age(row["seconds"]), row["query"]]


def _slow(row: Line) -> list[Cell]:
    return [row["calls"], age(row["mean_ms"] / 1000), age(row["total_ms"] / 1000), row["query"]]


def _probe(row: Line) -> list[Cell]:
    name = row["name"].replace("_", " ")
    if row["count"] == 0:
        return [name, judged(0, Level.OK), ""]
    count = "took too long" if row["count"] is None else f"{row['count']:,}"
    return [name, judged(count, Level.CRITICAL), row["mend"]]
