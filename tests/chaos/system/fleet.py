"""Who trades: ``python -m tests.chaos.system.fleet --accounts n --bots n`` makes the tables, schedules and bots."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from decimal import Decimal

from tests.system.strategy import ALWAYS, trade_at_every_candle

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
CAPITAL = Decimal(10_000_000)
# A price that jumps by more than this reaches one of the two.
EXITS = {"stop_loss_percent": Decimal("0.3"), "take_profit_percent": Decimal("0.3")}


def main() -> None:
    """Make the fleet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, required=True)
    parser.add_argument("--bots", type=int, required=True)
    parser.add_argument("--sweep-seconds", type=int, required=True)
    given = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    import django
    from django.core.management import call_command

    trade_at_every_candle()
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    _schedule(given.sweep_seconds)
    _bots(given.accounts, given.bots)


def _schedule(sweep_seconds: int) -> None:
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    from ops.schedules import create_schedules

    create_schedules()
    often, _ = IntervalSchedule.objects.get_or_create(every=sweep_seconds, period=IntervalSchedule.SECONDS)
    sweep = PeriodicTask.objects.filter(name="reconcile-orders")
    assert sweep.update(interval=often, expire_seconds=sweep_seconds)


def _bots(accounts: int, bots: int) -> None:
    from django.contrib.auth.models import User

    from bots.models import BotConfig
    from bots.services import create_bot, start_bots
    from market.models import ExchangeAccount
    from market.paper_accounts import open_paper_account
    from market.symbols import warm_symbols
    from market.types import Environment, Market

    now = datetime.now(UTC)
    warm_symbols(Environment.PAPER, Market.SPOT, now=now)
    owner = User.objects.create(username="chaos")
    opened = []
    for number in range(accounts):
        api_key, api_secret = open_paper_account(f"chaos-{number}", {"USDT": CAPITAL})
        keys = {"api_key": api_key, "api_secret": api_secret}
        opened.append(ExchangeAccount.objects.create(owner=owner, name=f"chaos {number}", **keys))
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
