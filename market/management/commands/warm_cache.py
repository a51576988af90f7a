import argparse
import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from market.budget import Priority, learn_limit, spending_as
from market.exchange.errors import ExchangeError
from market.symbols import warm_symbols
from market.types import Market


class Command(BaseCommand):
    help = "Fetch the symbol rules of every environment into the database and the cache."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    @spending_as(Priority.WARM_UP)
    def handle(self, **options: Any) -> None:
        try:
            counts = {
                f"{environment} {market}": warm_symbols(environment, market, now=timezone.now())
                for environment in settings.ENVIRONMENTS
                for market in Market
            }
        except ExchangeError as error:
            raise CommandError(f"the exchange can't be read: {error}") from error
        for environment in counts:
            learn_limit(environment, Market.SPOT)
        if options["json"]:
            self.stdout.write(json.dumps({"symbols": counts}))
            return
        for name, count in counts.items():
            self.stdout.write(f"{name}: {count} symbols")
