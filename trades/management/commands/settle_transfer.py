import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from trades import services
from trades.models import Transfer
from trades.transfers import TransferDenied


class Command(BaseCommand):
    help = (
        "End a transfer in doubt by hand, after a look at the exchange: when its history can't be read any more, or"
        " shows several transfers that it may be. Moves no money."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("transfer", type=int, metavar="ID")
        outcome = parser.add_mutually_exclusive_group(required=True)
        outcome.add_argument("--transaction", type=int, help="done: this is it at the exchange")
        outcome.add_argument("--absent", action="store_true", help="it is not there")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        try:
            transfer = services.settle_transfer(options["transfer"], options["transaction"], now=timezone.now())
        except Transfer.DoesNotExist as error:
            raise CommandError(f"transfer: {options['transfer']}: there is none of this id") from error
        except TransferDenied as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(transfer.as_json) if options["json"] else f"{transfer}: {transfer.status}")
