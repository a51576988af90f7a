import argparse
import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from ops.audit import audit


class Command(BaseCommand):
    help = "Compare our books with the paper exchange's own ledger. Exit 1: they differ."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        ledger = Path(settings.PAPER_LEDGER or "/")
        if not ledger.is_file():
            raise CommandError(
                f"PAPER_LEDGER: {settings.PAPER_LEDGER!r} is no file; it names the paper exchange's ledger"
            )
        parameters = {
            name: value
            for name, value in connection.get_connection_params().items()
            if name in ("host", "port", "user", "password", "dbname")
        }
        findings = audit(parameters, ledger)
        for kind, sentences in vars(findings).items():
            for sentence in sentences:
                self.stderr.write(f"{kind}: {sentence}")
        if options["json"]:
            self.stdout.write(json.dumps(findings.counts))
        else:
            self.stdout.write(", ".join(f"{kind} {count}" for kind, count in findings.counts.items()))
        if not findings.is_clean:
            sys.exit(1)
