import argparse
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from tests.soak import run


class Command(BaseCommand):
    help = (
        "Let a big fleet trade on the paper exchange for a while. Exit 1: a tick was missed or late, or books differ."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--minutes", type=int, default=30, help="how long, after a warm-up")
        parser.add_argument("--bots", type=int, default=10_000, help="how many")
        parser.add_argument("--children", type=int, default=2, help="processes of the worker that trades")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        figures = run(options["minutes"], options["bots"], children=options["children"])
        for sentence in figures["failures"]:
            self.stderr.write(sentence)
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            for name, value in figures.items():
                self.stdout.write(f"{name.replace('_', ' '):28}{value}")
        if figures["failures"]:
            sys.exit(1)
