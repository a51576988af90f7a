import argparse
import json
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from kombu.exceptions import OperationalError

from market.models import ExchangeAccount
from trades import services
from trades.tasks import transfer_between_wallets
from trades.transfers import TransferDenied, TransferStatus, TransferWish


class Command(BaseCommand):
    help = (
        "Move money between the spot and futures wallets of an account, once for each key: a worker sends it. The same"
        " command again moves nothing and tells how it went."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", type=int, required=True, metavar="ID", help="in whose name: its owner's")
        parser.add_argument("--asset", required=True)
        parser.add_argument("--amount", type=_amount, required=True)
        parser.add_argument("--to", choices=("futures", "spot"), required=True)
        parser.add_argument("--key", required=True, help="names this one transfer; choose a new one for the next")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        account = ExchangeAccount.objects.filter(pk=options["account"]).first()
        if account is None:
            raise CommandError(f"account: {options['account']}: there is none of this id")
        wish = TransferWish(
            owner_id=account.owner_id,
            account_id=account.pk,
            asset=options["asset"],
            amount=options["amount"],
            to_futures=options["to"] == "futures",
            key=options["key"],
            asked_by="manage.py transfer",
        )
        try:
            transfer = services.request_transfer(wish, now=timezone.now())
        except TransferDenied as error:
            raise CommandError(str(error)) from error
        if transfer.status == TransferStatus.INTENDED:
            self._hand_over(transfer.pk)
        line = f"{transfer}: {transfer.status}" + (f": {transfer.error}" if transfer.error else "")
        self.stdout.write(json.dumps(transfer.as_json) if options["json"] else line)

    def _hand_over(self, transfer_id: int) -> None:
        try:
            transfer_between_wallets.delay(transfer_id)
        except OperationalError as error:
            self.stderr.write(f"the broker does not answer ({error}): the sweep will send it, or drop it after a while")


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text} is no amount") from error
