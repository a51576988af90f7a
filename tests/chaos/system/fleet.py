"""Who trades: ``python -m tests.chaos.system.fleet --accounts n --bots n`` makes the tables, schedules and bots."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.system.strategy import ALWAYS, trade_at_every_candle

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
# What else beat sends is often enough.
SHORTENED = ("reconcile-orders", "measure-clocks")
TOKEN = "token"  # a file's name
CAPITAL = Decimal(10_000_000)
# A price that jumps by more than this reaches one of the two.
EXITS = {"stop_loss_percent": Decimal("0.3"), "take_profit_percent": Decimal("0.3")}


def main() -> None:
    """Make the fleet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, required=True)
    parser.add_argument("--bots", type=int, required=True)
    parser.add_argument("--faster", type=int, required=True, help="by what the times of the protocol are divided")
    given = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    import django
    from django.core.management import call_command

    trade_at_every_candle()
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    _schedule(given.faster)
    _bots(given.accounts, given.bots)


def _schedule(faster: int) -> None:
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    from ops.schedules import SCHEDULES, create_schedules

    create_schedules()
    usual = {schedule.name: schedule.every_seconds for schedule in SCHEDULES if schedule.every_seconds}
    for name in SHORTENED:
        seconds = usual[name] // faster
        often, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
        assert PeriodicTask.objects.filter(name=name).update(interval=often, expire_seconds=seconds)


def _let_trade_by_hand(owner: Any) -> None:
    """A trader's rights, and a token in a file for whoever places orders over HTTP."""
    from django.contrib.auth.models import Group

    from market.access import TokenScope
    from ops.roles import create_groups
    from ops.tokens import make_token

    create_groups()
    owner.groups.add(Group.objects.get(name="trader"))
    lives = timedelta(days=1)
    _, text = make_token(owner, name="chaos", scope=TokenScope.TRADE, lives=lives, now=datetime.now(UTC))
    (Path(os.environ["CHAOS_HANDS"]) / TOKEN).write_text(text)


def _bots(accounts: int, bots: int) -> None:
    from django.contrib.auth.models import User

    from bots.models import BotConfig
    from bots.services import create_bot, start_bots
    from market.models import ExchangeAccount
    from market.paper_accounts import open_paper_account
    from market.symbols import warm_symbols
    from market.types import Environment, Market
    from trades.services import reconcile_accounts

    now = datetime.now(UTC)
    warm_symbols(Environment.PAPER, Market.SPOT, now=now)
    owner = User.objects.create(username="chaos")
    _let_trade_by_hand(owner)
    opened = []
    for number in range(accounts):
        api_key, api_secret = open_paper_account(f"chaos-{number}", {"USDT": CAPITAL})
        keys = {"api_key": api_key, "api_secret": api_secret}
        opened.append(ExchangeAccount.objects.create(owner=owner, name=f"chaos {number}", **keys))
    reconcile_accounts(opened, now=now)  # nobody enters before
    for number in range(bots):
        bot = BotConfig(
            owner=owner,
            account=opened[number % accounts],
            name=f"chaos {number}",
            strategy=ALWAYS,
            symbol=SYMBOLS[number // accounts % len(SYMBOLS)],
            interval="1m",
            initial_capital=CAPITAL,
            sizing_mode="quote",
            sizing_value=Decimal(1000),
            **EXITS,
        )
        create_bot(bot, now=now)
    start_bots(BotConfig.objects.all(), now=now)


if __name__ == "__main__":
    main()
