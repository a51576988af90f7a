"""Who trades: ``python -m tests.bench.orders.fleet make …`` makes owners, accounts and bots and prints the bots.

``enter`` and ``leave`` do what owners do so that every bot has a reason to act, whatever it did on this candle before.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from decimal import Decimal

from tests.system.strategy import ALWAYS, trade_at_every_candle

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
DEPOSIT = Decimal(1_000_000)
CAPITAL, STAKE = Decimal(1000), Decimal(50)  # of a bot, and of its entries


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("act", choices=("make", "enter", "leave"))
    parser.add_argument("--name", required=True)
    for number in ("owners", "accounts", "bots"):
        parser.add_argument(f"--{number}", type=int)
    given = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    import django

    trade_at_every_candle()
    django.setup()
    if given.act == "make":
        sys.stdout.write(json.dumps(_make(given.name, given.owners, given.accounts, given.bots)))
    else:
        _steer(given.name, enter=given.act == "enter")


def _make(name: str, owners: int, accounts: int, bots: int) -> list[int]:
    """The bots' ids. Each account is one owner's, and the bots are spread evenly."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from bots.models import BotConfig
    from bots.services import create_bot
    from market.budget import learn_limit
    from market.models import ExchangeAccount
    from market.paper_accounts import open_paper_account
    from market.symbols import warm_symbols
    from market.types import Environment, Market
    from trades.services import reconcile_accounts

    call_command("migrate", interactive=False, verbosity=0)
    now = datetime.now(UTC)
    learn_limit(Environment.PAPER, Market.SPOT)
    warm_symbols(Environment.PAPER, Market.SPOT, now=now)
    people = [User.objects.create(username=f"{name} {number}") for number in range(owners)]
    opened = []
    for number in range(accounts):
        label = f"{name} {number}"
        api_key, api_secret = open_paper_account(label, {"USDT": DEPOSIT})
        keys = {"api_key": api_key, "api_secret": api_secret}
        opened.append(ExchangeAccount.objects.create(owner=people[number % owners], name=label, **keys))
    reconcile_accounts(opened, now=now)  # nobody enters before
    made = []
    for number in range(bots):
        account = opened[number % accounts]
        bot = BotConfig(
            owner=account.owner,
            account=account,
            name=f"{name} {number}",
            strategy=ALWAYS,
            symbol=SYMBOLS[number // accounts % len(SYMBOLS)],
            interval="1m",
            initial_capital=CAPITAL,
            sizing_mode="quote",
            sizing_value=STAKE,
        )
        made.append(create_bot(bot, now=now).pk)
    return made


def _steer(name: str, *, enter: bool) -> None:
    from django.db.models import F

    from bots.models import BotConfig
    from bots.services import start_bots, stop_bots

    bots, now = BotConfig.objects.filter(name__startswith=f"{name} "), datetime.now(UTC)
    if enter:
        bots.update(revision=F("revision") + 1)  # an edited bot may enter again on the same candle
        start_bots(bots, now=now)
    else:
        stop_bots(bots, flatten=True, now=now)


if __name__ == "__main__":
    main()
