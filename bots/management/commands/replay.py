import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bots.models import Decision
from bots.services.explaining import NothingToReplay, replay
from market.budget import Priority, spending_as
from market.exchange.errors import ExchangeError


class Command(BaseCommand):
    help = "Compute a decision's reading anew from the exchange's candles. Exit 1: it comes out differently."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("decision", type=int, help="its id; `explain` tells it")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    @spending_as(Priority.WARM_UP)
    def handle(self, **options: Any) -> None:
        decision = Decision.objects.select_related("bot__account").filter(pk=options["decision"]).first()
        if decision is None:
            raise CommandError(f"there is no decision {options['decision']}; old ones are dropped")
        try:
            replayed = replay(decision)
        except (NothingToReplay, ExchangeError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(replayed)))
        else:
            self.stdout.write(replayed.text)
            self.stdout.write("\n".join(replayed.differences) or "the same as then")
        if replayed.differences:
            sys.exit(1)
