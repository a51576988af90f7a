import time
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from ops.console import ReportingCommand, Table, judged
from ops.doctor import examine_everything
from ops.health import Level


class Command(ReportingCommand):
    help = "Look at everything that runs and tell what is wrong, with the mend, the worst first. Exit 1: critical."

    def look(self, **options: Any) -> dict[str, Any]:
        begun = time.monotonic()
        examined = examine_everything(now=timezone.now())
        return {
            "healthy": examined.is_healthy,
            "level": examined.level,
            "findings": [asdict(finding) for finding in examined.findings],
            "seconds": round(time.monotonic() - begun, 3),
        }

    def show(self, found: dict[str, Any]) -> None:
        wrong = [finding for finding in found["findings"] if finding["level"] != Level.OK]
        for finding in wrong:
            self.print_line(f"{finding['level'].upper():9}{finding['text']}", Level(finding["level"]))
            self.print_line(f"         mend: {finding['mend']}")
        well = [finding for finding in found["findings"] if finding["level"] == Level.OK]
        if wrong:
            self.print_line("")
        rows = [[judged(finding["check"], Level.OK), finding["text"]] for finding in well]
        self.print_table(Table(f"Well ({len(well)}), looked at in {found['seconds']:.1f} s", ["", ""], rows))
