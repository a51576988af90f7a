import argparse
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ops.archive import Part, faults_of, parts


class Command(BaseCommand):
    help = "Show the files of the archive (ARCHIVE_DIR), or verify that each is what was written; exit code 1 if not."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("act", choices=("show", "verify"))
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        if not settings.ARCHIVE_DIR:
            raise CommandError("ARCHIVE_DIR is not set: nothing is archived")
        directory = Path(settings.ARCHIVE_DIR)
        told = [self._told(part, directory, verify=options["act"] == "verify") for part in parts(directory)]
        self._print(told, as_json=options["json"])
        if wrong := sum(bool(row.get("fault")) for row in told):
            raise CommandError(f"{wrong} of {len(told)} files are not what was written")

    def _told(self, part: Part, directory: Path, *, verify: bool) -> dict[str, Any]:
        fault = {"fault": faults_of(part, directory)} if verify else {}
        path = part.path(directory)
        size = path.stat().st_size if path.exists() else 0
        return {"file": part.name, "rows": part.rows, "bytes": size, **fault}

    def _print(self, told: list[dict[str, Any]], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"files": told}))
            return
        for row in told:
            fault = row.get("fault")
            state = "" if fault is None else fault or "ok"
            self.stdout.write(f"{row['file']:40}{row['rows']:>10} rows {row['bytes']:>12} bytes  {state}".rstrip())
        self.stdout.write(f"{len(told)} files, {sum(row['rows'] for row in told)} rows")
