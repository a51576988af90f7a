import argparse
import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tests.bench import BenchmarkFailed, admin, api, backtest, exchange, fills, notifications, orders, report, tick

AREAS: dict[str, Callable[..., dict[str, Any]]] = {
    "admin": admin.run,
    "api": api.run,
    "backtest": backtest.run,
    "exchange": exchange.run,
    "fills": fills.run,
    "notifications": notifications.run,
    "orders": orders.run,
    "report": report.run,
    "tick": tick.run,
}
SIZES = {  # of which area, and how many of what
    "tick": ("bots", "series", "params"),
    "notifications": ("count",),
}


class Command(BaseCommand):
    help = "Measure how fast a part of the system is, on this machine, now."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("area", choices=AREAS)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--quick", action="store_true", help="so little of everything that the figures mean nothing"
        )

        for area, names in SIZES.items():
            for name in names:
                parser.add_argument(f"--{name}", type=int, help=f"{area}: how many")

    def handle(self, **options: Any) -> None:
        size = {name: options[name] for names in SIZES.values() for name in names if options[name]}
        if odd := size.keys() - set(SIZES.get(options["area"], ())):
            raise CommandError(f"--{odd.pop()} does not go with the area {options['area']}")
        try:
            figures = AREAS[options["area"]](quick=options["quick"], **size)
        except BenchmarkFailed as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            for name, value in figures.items():
                self.stdout.write(f"{name.replace('_', ' '):28}{value}")
