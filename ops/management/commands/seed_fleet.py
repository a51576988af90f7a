import argparse
import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from market.exchange.errors import ExchangeError
from ops.fleet import FleetTooBig, seed_fleet


class Command(BaseCommand):
    help = "Let there be a big fleet of running bots on the paper exchange, for rehearsals. What is there stays."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--bots", type=int, required=True, help="how many bots there are in the end")
        parser.add_argument("--series", type=int, default=10, help="how many symbols and intervals they trade on")
        parser.add_argument("--params", type=int, default=10, help="how many different settings of their strategy")
        made_up = "to add as made-up history of 90 days, of which the exchange knows nothing (nor does `audit` ask it)"
        parser.add_argument("--trades", type=int, default=0, help=f"how many trades {made_up}")
        parser.add_argument("--decisions", type=int, default=0, help=f"how many decisions {made_up}")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        least = {"bots": 1, "series": 1, "params": 1, "trades": 0, "decisions": 0}
        numbers = {name: options[name] for name in least}
        for name, number in numbers.items():
            if number < least[name]:
                raise CommandError(f"--{name} is {number}, it must be at least {least[name]}")
        try:
            seeded = asdict(seed_fleet(**numbers, now=timezone.now(), parameters={}))
        except (FleetTooBig, ExchangeError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(seeded))
        else:
            self.stdout.write(", ".join(f"{value} {name}" for name, value in seeded.items()))
