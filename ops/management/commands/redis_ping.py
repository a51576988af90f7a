import argparse
from dataclasses import asdict
from typing import Any

from ops import redis_roles
from ops.console import ReportingCommand, Table, judged, size
from ops.health import Level
from ops.redis_roles import BROKER, CACHE, RoleFailed, Step


class Command(ReportingCommand):
    help = "Try both Redis servers, cache and broker, step by step. Exit 1: one failed, or --deep found it unsafe."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--deep", action="store_true", help="memory, eviction, persistence, clients, latency too")

    def look(self, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"healthy": True, "roles": {}, "findings": []}
        for role in (CACHE, BROKER):
            found["roles"][role] = self._try(role, **options)
        answered = {role: it["details"] for role, it in found["roles"].items() if it["details"]}
        findings = redis_roles.judge(answered)
        found["findings"] = [asdict(finding) for finding in findings]
        found["healthy"] = all(it["error"] is None for it in found["roles"].values()) and not any(
            finding.level is Level.CRITICAL for finding in findings
        )
        return found

    def _try(self, role: str, *, deep: bool, json: bool, **_: Any) -> dict[str, Any]:
        """Steps are told as they happen: when one hangs, people see which."""
        steps: list[Step] = []

        def tell(step: Step) -> None:
            steps.append(step)
            if not json:
                self.print_line(f"{role:8}{step.command:36}{step.answer:>8}{step.milliseconds:>11.3f} ms")

        told, error = None, None
        try:
            redis_roles.smoke_test(role, tell)
            told = redis_roles.details(role) if deep else None
        except RoleFailed as failure:
            error = str(failure)
            self.stderr.write(error)
        lines = [{"command": it.command, "answer": it.answer, "ms": it.milliseconds} for it in steps]
        return {"steps": lines, "details": told, "error": error}

    def show(self, found: dict[str, Any]) -> None:
        told = {role: it["details"] for role, it in found["roles"].items() if it["details"]}
        if told:
            names = [name for name in next(iter(told.values())) if name != "run_id"]
            rows = [[name.replace("_", " "), *(_shown(name, it[name]) for it in told.values())] for name in names]
            self.stdout.write("")
            self.print_table(Table("What they say of themselves", ["", *told], rows))
        for finding in found["findings"]:
            self.print_line(f"{finding['level']}: {finding['text']}; {finding['mend']}", Level(finding["level"]))


def _shown(name: str, value: Any) -> Any:
    if name.endswith("_bytes"):
        return size(value) if value else "no bound"
    if isinstance(value, bool):
        return "yes" if value else judged("no", Level.WARNING)
    return str(value)
