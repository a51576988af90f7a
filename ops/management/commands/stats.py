import argparse
import json
import sys
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from market.budget import Priority, spending_as
from ops.statistics import fleet_statistics, is_healthy


class Command(BaseCommand):
    help = "Show what the fleet is doing: bots, orders, trades, P&L, the last tick, queues. Exit 1: not healthy."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    @spending_as(Priority.WARM_UP)
    def handle(self, **options: Any) -> None:
        statistics = fleet_statistics(now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(statistics))
        else:
            for name, value in statistics.items():
                self.stdout.write(f"{name.replace('_', ' '):24}{self._text(name, value)}")
        if not is_healthy(statistics):
            sys.exit(1)

    @staticmethod
    def _text(name: str, value: Any) -> str:
        if name == "request_weight" and value is not None:
            return ", ".join(Command._weight(name, spent) for name, spent in value.items())
        if name == "market_reads" and value:
            return ", ".join(
                f"{kind} {counts['hits']} shared, {counts['misses']} fetched" for kind, counts in value.items()
            )
        if isinstance(value, dict):
            return ", ".join(f"{name} {count}" for name, count in value.items() if count) or "none"
        if name.endswith("_pnl") and value is not None:
            return f"{Decimal(value):,.2f} USDT"
        return "unknown" if value is None else str(value)

    @staticmethod
    def _weight(name: str, spent: dict[str, Any]) -> str:
        silence = f", silent until {spent['silent_until']}" if spent["silent_until"] else ""
        return f"{name} {spent['used']} of {spent['limit']}{silence}"
