import argparse
import gc
import json
import secrets
import sys
import time
from contextlib import nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Run the order core in process against the exchange's engine, with everything that goes wrong, all of it drawn"
        " from a seed, and compare the books with the exchange's. Exit 1: something is lost, duplicated, unequal …"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--placements", type=int, default=100_000, help="orders to send")
        parser.add_argument("--seed", type=int, help="the same seed, the same world; without it one is drawn and told")
        parser.add_argument("--plant", default="", help="make a mistake in the order core; an unknown name lists all")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        try:
            from tests.simulation.plants import PLANTS
            from tests.simulation.world import World
        except ModuleNotFoundError as error:
            raise CommandError(f"the simulation needs {error.name}, of requirements-dev.txt: make dev") from error
        plant = options["plant"]
        if plant and plant not in PLANTS:
            raise CommandError(f"--plant {plant}: choose from {', '.join(PLANTS)}")
        seed = secrets.randbelow(2**32) if options["seed"] is None else options["seed"]
        self.stderr.write(f"seed {seed}")  # at once: also a run that never ends can be repeated
        _spare_the_collector()
        began, worked = time.monotonic(), time.process_time()
        with PLANTS[plant]() if plant else nullcontext():
            findings = World(seed).run(options["placements"])
        worked, seconds = time.process_time() - worked, time.monotonic() - began
        for kind, sentence in findings.violations:
            self.stderr.write(f"{kind}: {sentence}")
        # Of one core's time: what else runs on this machine is not measured.
        speed = round(findings.counts["placements"] / worked)
        figures = {"placements_per_second": speed, "seconds": round(seconds, 1), "seed": seed, **findings.counts}
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            for name, value in figures.items():
                self.stdout.write(f"{name.replace('_', ' '):24}{value}")
        if findings.violations:
            sys.exit(1)


def _spare_the_collector() -> None:
    """What is there already is Django's, and no garbage; what a world makes is rarely circular."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
