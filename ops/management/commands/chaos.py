import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tests.chaos import Findings, exchange
from tests.chaos.system import plants, recovery, rounds

AREAS: dict[str, Callable[..., Findings]] = {
    "system": rounds.run,
    "recovery": recovery.run,
    "exchange": exchange.run,
}
ROUNDS = {"system": 60, "recovery": 1, "exchange": 10}
ROUNDS_TO_FIND_A_PLANT = 300


class Command(BaseCommand):
    help = "Kill parts of the system again and again while it works, and look for what is wrong. Exit 1: something is."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("area", choices=AREAS)
        parser.add_argument("--rounds", type=int, help="how many; each area has its own default")
        parser.add_argument("--seed", type=int, help="of what is done; when exactly is never the same")
        parser.add_argument("--plant", choices=plants.PLANTS, help="system: plant a bug, which must be found")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        how = {"seed": options["seed"]}
        if options["plant"]:
            if options["area"] != "system":
                raise CommandError("--plant goes with the area system")
            how["plant"] = options["plant"]
        usual = ROUNDS_TO_FIND_A_PLANT if options["plant"] else ROUNDS[options["area"]]
        findings = AREAS[options["area"]](options["rounds"] or usual, **how)
        for sentence in findings.sentences:
            self.stderr.write(sentence)
        if options["json"]:
            self.stdout.write(json.dumps(findings.counts))
        else:
            self.stdout.write(", ".join(f"{name} {value}" for name, value in findings.counts.items()))
        if findings.sentences:
            sys.exit(1)
