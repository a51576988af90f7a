import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand

from tests.chaos import Findings, exchange

AREAS: dict[str, Callable[..., Findings]] = {"exchange": exchange.run}


class Command(BaseCommand):
    help = (
        "Kill a part of the system again and again while it works, and look for what is missing. Exit 1: something is."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("area", choices=AREAS)
        parser.add_argument("--rounds", type=int, default=10)
        parser.add_argument("--seed", type=int, default=0, help="of what is done; when it is killed is never the same")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        findings = AREAS[options["area"]](options["rounds"], seed=options["seed"])
        for sentence in findings.lost:
            self.stderr.write(sentence)
        if options["json"]:
            self.stdout.write(json.dumps(findings.counts))
        else:
            self.stdout.write(", ".join(f"{name} {value}" for name, value in findings.counts.items()))
        if findings.lost:
            sys.exit(1)
