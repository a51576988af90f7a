import argparse
import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from market.exchange.errors import ExchangeError
from market.order_book import order_book, told
from market.types import Market


class Command(BaseCommand):
    help = "Show the order book of a symbol: best prices, spread, what is offered near them, twenty levels."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("symbol", type=str.upper, help="as the exchange writes it, for example BTCUSDT")
        parser.add_argument("--market", choices=list(Market), default=Market.SPOT)
        parser.add_argument("--environment", choices=settings.ENVIRONMENTS, default=settings.ENVIRONMENTS[0])
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        try:
            book = order_book(options["environment"], options["market"], options["symbol"], now=timezone.now())
        except ExchangeError as error:
            raise CommandError(f"{options['symbol']}: {error}") from error
        said = told(book)
        if options["json"]:
            self.stdout.write(json.dumps(said))
            return
        for name in ("at", "best_bid", "best_ask", "spread", "spread_percent", "bid_volume", "ask_volume"):
            self.stdout.write(f"{name.replace('_', ' '):16}{said[name]}")
        for (bid, wanted), (ask, offered) in zip(said["bids"], said["asks"], strict=False):
            self.stdout.write(f"{wanted:>16} {bid:>14} | {ask:<14} {offered}")
