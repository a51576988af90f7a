import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from ops.console import Cell, ReportingCommand, Table, age, follow, judged
from ops.health import Level, examine
from ops.liveness import workers
from ops.queues import unacked_messages, waiting_messages

EVERY_SECONDS = 2.0


class Command(ReportingCommand):
    help = "What waits in each queue, since when, and who takes from it. Exit 1: too long, or nobody does."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--watch", action="store_true", help="on a terminal: renew it every 2 s, until Ctrl-C")

    def handle(self, **options: Any) -> None:
        if not options["watch"]:
            super().handle(**options)
            return
        if options["json"] or not self.is_terminal:
            raise CommandError("--watch is for people on a terminal: leave it out, or --json")
        try:
            follow(lambda: _tables(self.look()), every_seconds=EVERY_SECONDS)
        except KeyboardInterrupt:
            return

    def look(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        waiting, unacked = waiting_messages(), unacked_messages()
        if waiting is None or unacked is None:
            text = "broker: does not answer; manage.py redis_ping shows which step fails"
            return {"healthy": False, "error": text, "queues": [], "unacked": None, "findings": []}
        served = _servers(now=now)
        queues = [
            {
                "name": name,
                "depth": queue.depth,
                "oldest_seconds": queue.oldest_seconds,
                "unacked": unacked[1].get(name, 0),
                "workers": served and served[name],
                "unserved": served is not None and not served[name] and queue.depth > 0,
            }
            for name, queue in waiting.items()
        ]
        # The same bounds as everywhere else.
        late = [asdict(finding) for finding in examine(now=now, only=["queue"]) if not finding.is_well]
        healthy = not late and not any(queue["unserved"] for queue in queues)
        return {"healthy": healthy, "error": None, "queues": queues, "unacked": unacked[0], "findings": late}

    def show(self, found: dict[str, Any]) -> None:
        if found["error"]:
            self.stderr.write(found["error"])
            return
        for table in _tables(found):
            self.print_table(table)
        for finding in found["findings"]:
            self.print_line(f"{finding['text']}: {finding['mend']}", Level(finding["level"]))
        for name in [queue["name"] for queue in found["queues"] if queue["unserved"]]:
            text = f"messages wait in {name}, and nobody takes from it: start the worker that has it in its -Q"
            self.print_line(text, Level.CRITICAL)


def _servers(now: Any) -> dict[str, list[str]] | None:
    """By queue the workers that live and take from it; None while Redis is away."""
    known = workers(now=now)
    if known is None:
        return None
    living = [worker for worker in known if not worker.is_silent(now)]
    return {name: [it.name for it in living if name in it.queues] for name in settings.CELERY_TASK_QUEUES}


def _tables(found: dict[str, Any]) -> Sequence[Table]:
    late = {finding["subject"] for finding in found["findings"]}
    title = found["error"] or f"Queues; {found['unacked']:,} messages are in the hands of workers"
    columns = ["queue", "waiting", "oldest", "in hand", "workers"]
    return [Table(title, columns, [_row(queue, is_late=queue["name"] in late) for queue in found["queues"]])]


def _row(queue: dict[str, Any], *, is_late: bool) -> list[Cell]:
    oldest: Cell = age(queue["oldest_seconds"])
    by: Cell = "unknown" if queue["workers"] is None else ", ".join(queue["workers"])
    if is_late:
        oldest = judged(oldest, Level.CRITICAL)
    if not by:
        by = judged("nobody", Level.CRITICAL if queue["unserved"] else Level.WARNING)
    return [queue["name"], queue["depth"], oldest, queue["unacked"], by]
