import argparse
import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bots.services.indicators import BadQuestion, indicators
from bots.strategies import STRATEGIES
from market.candles import StaleData
from market.exchange.errors import ExchangeError
from market.types import INTERVALS, Market, Series


class Command(BaseCommand):
    help = "Compute the indicators of a strategy on the closed candles of a symbol, as a tick does for its bots."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("symbol", type=str.upper, help="as the exchange writes it, for example BTCUSDT")
        parser.add_argument("interval", choices=list(INTERVALS))
        parser.add_argument("strategy", choices=list(STRATEGIES))
        parser.add_argument("--parameters", type=_object, default={}, help="""as JSON, for example '{"ema_fast": 5}'""")
        parser.add_argument("--market", choices=list(Market), default=Market.SPOT)
        parser.add_argument("--environment", choices=settings.ENVIRONMENTS, default=settings.ENVIRONMENTS[0])
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        series = Series(options["environment"], options["market"], options["symbol"], options["interval"])
        try:
            read = indicators(series, options["strategy"], options["parameters"], now=timezone.now())
        except (BadQuestion, StaleData, ExchangeError) as error:
            raise CommandError(f"{series}: {error}") from error
        told = read.told()
        if options["json"]:
            self.stdout.write(json.dumps(told))
            return
        for name, value in told.items():
            self.stdout.write(f"{name.replace('_', ' '):16}{value}")


def _object(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON object")
    return given
