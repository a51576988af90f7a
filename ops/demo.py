"""The demo fleet of `make up`: several owners, each with a paper account and bots that differ; one trades futures."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from bots.models import BotConfig
from bots.services import create_bot, start_bots
from market.models import ExchangeAccount
from market.paper_accounts import open_paper_account
from market.symbols import warm_symbols
from market.types import Environment, Market
from trades.services import reconcile_accounts

CAPITAL = Decimal(10_000)
ACCOUNT_NAME = "Paper"


@dataclass(frozen=True)
class Spec:
    """One bot of the demo; what is not named has the model's default."""

    name: str
    symbol: str
    parameters: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)


def _ema(fast: int, slow: int, entry: str = "crossing", overbought: int = 75, oversold: int = 30) -> dict[str, Any]:
    return {
        "ema_fast": fast,
        "ema_slow": slow,
        "entry": entry,
        "rsi_overbought": overbought,
        "rsi_oversold": oversold,
    }


STEPS = {"take_profit_steps": [[0.3, 50], [0.8, 50]]}
FLEET: dict[str, tuple[Spec, ...]] = {
    "alice": (
        Spec("BTC quick", "BTCUSDT", _ema(3, 8, "state", 90), {"take_profit_percent": Decimal("0.4")}),
        Spec("BTC classic", "BTCUSDT", _ema(9, 21)),
        Spec("ETH quick", "ETHUSDT", _ema(3, 8), {"trailing_stop_percent": Decimal("0.5")}),
        Spec("ETH steady", "ETHUSDT", _ema(12, 26), {"interval": "5m"}),
    ),
    "bob": (
        Spec("SOL quick", "SOLUSDT", _ema(3, 8, "state", 90), {"max_daily_trades": 200}),
        Spec("SOL classic", "SOLUSDT", _ema(9, 21), {"cooldown_minutes": 2}),
        Spec("XRP quick", "XRPUSDT", _ema(4, 9), {"sizing_mode": "quote", "sizing_value": Decimal(250)}),
        Spec("XRP hourly", "XRPUSDT", _ema(9, 21), {"interval": "1h"}),
    ),
    "carol": (
        Spec("BTC patient", "BTCUSDT", _ema(9, 21), {"interval": "15m"}),
        Spec("ETH state", "ETHUSDT", _ema(5, 13, "state", 90), {"sizing_mode": "risk", "sizing_value": Decimal("0.1")}),
        Spec("SOL trend", "SOLUSDT", _ema(20, 50, "state", 90), {"daily_target_perc": Decimal(3)}),
        Spec("XRP trend", "XRPUSDT", _ema(20, 50), {"max_daily_loss_perc": Decimal(2)}),
    ),
    "dave": (
        Spec("BTC both ways", "BTCUSDT", _ema(3, 8, "state", 90, 10), {"leverage": 5}),
        Spec("ETH both ways", "ETHUSDT", _ema(3, 8), {"leverage": 3, "take_profit_percent": Decimal("0.5")}),
        Spec("SOL steps", "SOLUSDT", _ema(5, 13, "state", 90, 10), STEPS | {"leverage": 2, "margin_type": "cross"}),
        Spec("XRP trailing", "XRPUSDT", _ema(4, 9), {"leverage": 3, "trailing_stop_percent": Decimal("0.5")}),
    ),
}
ON_FUTURES = {"dave"}


def seed_demo(*, admin_password: str, now: datetime) -> int:
    """Create what of the demo is missing, start the bots that never ran, and return how many those are.

    Raises ExchangeError when the paper exchange does not answer.
    """
    _admin(admin_password)
    for market in Market:
        warm_symbols(Environment.PAPER, market, now=now)
    for owner, specs in FLEET.items():
        account = _account(owner, now=now)
        for spec in specs:
            if not account.bots.filter(name=spec.name).exists():
                _bot(account, spec, now=now)
    # Also those that a start which was killed had made, but not those that a user has stopped.
    fleet = BotConfig.objects.filter(owner__username__in=FLEET, account__name=ACCOUNT_NAME)
    return start_bots(fleet.filter(state__changed_at=None), now=now)


def _admin(password: str) -> None:
    """The operator, with the generated password of `.local/secrets.env`."""
    users = get_user_model().objects
    admin, created = users.get_or_create(username="admin", defaults={"is_staff": True, "is_superuser": True})
    if created or not admin.check_password(password):
        admin.set_password(password)
        admin.save()


def _account(owner_name: str, *, now: datetime) -> ExchangeAccount:
    """The owner's paper account; the owner is a user who can't log in until an operator sets a password."""
    owner, created = User.objects.get_or_create(username=owner_name)
    if created:
        owner.set_unusable_password()
        owner.save()
    account = ExchangeAccount.objects.filter(owner=owner, name=ACCOUNT_NAME).first()
    if account:
        return account
    market, money = (Market.FUTURES if owner_name in ON_FUTURES else Market.SPOT), {"USDT": CAPITAL}
    api_key, api_secret = open_paper_account(owner_name, *((money, {}) if market == Market.SPOT else ({}, money)))
    keys = {"api_key": api_key, "api_secret": api_secret}
    account = ExchangeAccount(owner=owner, name=ACCOUNT_NAME, market=market, **keys)
    account.full_clean()
    account.save()
    reconcile_accounts([account], now=now)  # at once, so that its bots need not wait for the schedule
    return account


def _bot(account: ExchangeAccount, spec: Spec, *, now: datetime) -> BotConfig:
    settings = {
        "interval": "1m",
        "initial_capital": CAPITAL / 4,
        "sizing_mode": "percent",
        "sizing_value": Decimal(20),
        "stop_loss_percent": Decimal(1),
    } | spec.settings
    bot = BotConfig(
        owner=account.owner,
        account=account,
        name=spec.name,
        symbol=spec.symbol,
        parameters=spec.parameters,
        **settings,
    )
    return create_bot(bot, now=now)
