import argparse
import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tests.bench import BenchmarkFailed, admin, api, backtest, exchange, fills, orders, report, tick

AREAS: dict[str, Callable[..., dict[str, Any]]] = {
    "admin": admin.run,
    "api": api.run,
    "backtest": backtest.run,
    "exchange": exchange.run,
    "fills": fills.run,
    "orders": orders.run,
    "report": report.run,
    "tick": tick.run,
}
OF_TICK = ("bots", "series", "params")


class Command(BaseCommand):
    help = "Measure how fast a part of the system is, on this machine, now."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("area", choices=AREAS)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--quick", action="store_true", help="so little of everything that the figures mean nothing"
        )

        for name in OF_TICK:
            parser.add_argument(f"--{name}", type=int, help="tick: how many")

    def handle(self, **options: Any) -> None:
        size = {name: options[name] for name in OF_TICK if options[name]}
        if size and options["area"] != "tick":
            raise CommandError(f"--{next(iter(size))} goes with the area tick")
        try:
            figures = AREAS[options["area"]](quick=options["quick"], **size)
        except BenchmarkFailed as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            for name, value in figures.items():
                self.stdout.write(f"{name.replace('_', ' '):28}{value}")
