import argparse
import json
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from market import paper_accounts
from market.exchange.errors import ExchangeError


class Command(BaseCommand):
    help = "Open, list and fund accounts at the paper exchange. Every market of it takes the same key."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="open an account; its key and secret are shown once")
        create.add_argument("--usdt", type=_amount, default=Decimal(0), help="play money on spot")
        create.add_argument("--futures-usdt", type=_amount, default=Decimal(0), help="play money on futures")
        create.add_argument("--label", default="", help="a name to find it by")
        listing = actions.add_parser("list", help="every account and what it has, without secrets")
        deposit = actions.add_parser("deposit", help="give play money to an account")
        deposit.add_argument("account", help="label, API key or id")
        deposit.add_argument("amount", type=_amount)
        deposit.add_argument("asset", nargs="?", default="USDT")
        deposit.add_argument("--market", choices=("spot", "futures"), default="spot")
        for action in (create, listing, deposit):
            action.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        try:
            report = getattr(self, f"_{options['action']}")(**options)
        except ExchangeError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report))

    def _create(self, *, label: str, usdt: Decimal, futures_usdt: Decimal, **options: Any) -> dict[str, Any]:
        spot, futures = ({"USDT": amount} if amount else {} for amount in (usdt, futures_usdt))
        account = paper_accounts.create_paper_account(label, spot, futures)
        if not options["json"]:
            for name, value in account.items():
                self.stdout.write(f"{name.replace('_', ' '):12}{value}")
        return account

    def _list(self, **options: Any) -> dict[str, Any]:
        accounts = paper_accounts.paper_accounts()
        if not options["json"]:
            for account in accounts:
                self.stdout.write(f"{account['id']:>6}  {account['label'] or '-':20}  {_money(account)}")
            self.stdout.write(f"accounts: {len(accounts)}")
        return {"accounts": accounts}

    def _deposit(self, *, account: str, asset: str, amount: Decimal, market: str, **options: Any) -> dict[str, Any]:
        report = paper_accounts.deposit(account, asset, amount, market)
        if not options["json"]:
            self.stdout.write(f"account {report['id']} now has: {_money(report)}")
        return report


def _money(account: dict[str, Any]) -> str:
    spot = [
        f"{held['free']} {asset}" + (f" (and {held['locked']} locked)" if held["locked"] != "0" else "")
        for asset, held in account["spot"].items()
    ]
    futures = [f"{held} {asset} on futures" for asset, held in account["futures"].items()]
    return ", ".join(spot + futures) or "nothing"


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text} is no amount") from error
    if not (amount.is_finite() and amount > 0):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return amount
