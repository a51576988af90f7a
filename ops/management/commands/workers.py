import argparse
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils import timezone

from ops.console import Cell, ReportingCommand, Table, age, judged
from ops.health import Level
from ops.health.checks import CHECKS
from ops.inspecting import ActiveTask, BrokerAway, active_tasks
from ops.liveness import Worker, unserved_queues, workers


class Command(ReportingCommand):
    help = "Which workers live, what they serve and have in hand. Exit 1: one is silent, or a queue has nobody."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--no-ask", action="store_true", help="do not ask workers what they have in hand (1 s)")

    def look(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        known = workers(now=now)
        if known is None:
            text = "cache: does not answer, so nobody sees which workers live; manage.py redis_ping shows the step"
            return {"healthy": False, "error": text, "workers": [], "unserved": None, "asked": False, "findings": []}
        tasks = None if options["no_ask"] else _tasks()
        findings = [asdict(finding) for finding in CHECKS["worker"](now) if not finding.is_well]
        return {
            "healthy": not findings,
            "error": None,
            "workers": [_told(worker, tasks, now=now) for worker in known],
            "unserved": unserved_queues(known, now=now),
            "asked": tasks is not None,
            "findings": findings,
        }

    def show(self, found: dict[str, Any]) -> None:
        if found["error"]:
            self.stderr.write(found["error"])
            return
        columns = ["worker", "pid", "since", "heartbeat", "queues", "in hand"]
        self.print_table(Table("Workers", columns, [_row(it) for it in found["workers"]], "none has told of itself"))
        tasks = [(worker["name"], task) for worker in found["workers"] for task in worker["tasks"] or []]
        if found["asked"]:
            rows = [[name, task["task"], task["started_at"], task["id"]] for name, task in tasks]
            self.print_table(Table("In hand", ["worker", "task", "since", "id"], rows))
        for finding in found["findings"]:
            self.print_line(f"{finding['text']}: {finding['mend']}", Level(finding["level"]))


def _tasks() -> list[ActiveTask] | None:
    try:
        return active_tasks()
    except BrokerAway:
        return None


def _told(worker: Worker, tasks: list[ActiveTask] | None, *, now: datetime) -> dict[str, Any]:
    mine = [task for task in tasks or [] if task.worker == worker.name]
    return {
        "name": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "queues": worker.queues,
        "since": worker.since,
        "heartbeat_age_seconds": round((now - worker.seen_at).total_seconds(), 1),
        "silent": worker.is_silent(now),
        # Not their arguments: whose they are is in the admin, for those who may see it.
        "tasks": None
        if tasks is None
        else [{"id": task.task_id, "task": task.task, "started_at": task.started_at} for task in mine],
    }


def _row(worker: dict[str, Any]) -> list[Cell]:
    heart: Cell = f"{age(worker['heartbeat_age_seconds'])} ago"
    if worker["silent"]:
        heart = judged(f"silent, {heart}", Level.CRITICAL)
    hands = "not asked" if worker["tasks"] is None else len(worker["tasks"])
    pid = str(worker["pid"] or "-")
    return [worker["name"], pid, worker["since"], heart, ", ".join(worker["queues"]), hands]
