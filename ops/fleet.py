"""Big fleets on the paper exchange, for benches, soaks and pages that have to stay quick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice, product
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from bots.models import BotConfig, BotState
from market.budget import learn_limit
from market.models import ExchangeAccount, SymbolRules
from market.paper_accounts import open_paper_account
from market.symbols import warm_symbols
from market.types import INTERVALS, Environment, Market
from ops.history import make_history
from trades.models import Position
from trades.services import reconcile_accounts

NAME = "fleet"
BOTS_OF_AN_ACCOUNT, ACCOUNTS_OF_AN_OWNER = 500, 5
BATCH = 5000
MONEY = {"USDT": Decimal(10_000_000)}
CAPITAL, STAKE = Decimal(1000), Decimal(50)
FASTEST, SPREADS = range(2, 22), range(3, 103)  # of moving averages: 2,000 pairs


class FleetTooBig(Exception):
    """The paper exchange, or the strategy, has no room for such a fleet."""


@dataclass(frozen=True)
class Seeded:
    """What a fleet has come to."""

    bots: int
    series: int
    params: int
    accounts: int
    created: int
    trades: int
    decisions: int


def seed_fleet(
    *,
    bots: int,
    series: int,
    params: int,
    now: datetime,
    parameters: Mapping[str, Any],
    trades: int = 0,
    decisions: int = 0,
) -> Seeded:
    """Let there be so many running bots, on so many series, with so many different settings of their strategy.

    What is there already stays. ``parameters`` are those that all of them share. ``trades`` and ``decisions`` are the
    made-up history that they get in addition (`ops.history`). Raises FleetTooBig, ExchangeError.
    """
    warm_symbols(Environment.PAPER, Market.SPOT, now=now)
    learn_limit(Environment.PAPER, Market.SPOT)
    traded, settings = _series(series), _settings(params)
    accounts = _accounts(-(-bots // BOTS_OF_AN_ACCOUNT), now=now)
    known = BotConfig.objects.filter(account__in=accounts).count()
    readings = max(series, params)  # distinct: a series has several settings, or a setting several series
    for start in range(known, bots, BATCH):
        numbers = range(start, min(start + BATCH, bots))
        with transaction.atomic():
            _create([
                _Place(number, accounts[number // BOTS_OF_AN_ACCOUNT], *traded[number % readings % series],
                       {**parameters, **settings[number % readings % params]})
                for number in numbers
            ])  # fmt: skip
    if trades or decisions:
        positions = list(BotConfig.objects.filter(account__in=accounts).values_list("position_id", flat=True))
        make_history(positions, trades=trades, decisions=decisions, now=now)
    return Seeded(bots, series, params, len(accounts), max(bots - known, 0), trades, decisions)


@dataclass(frozen=True)
class _Place:
    """One bot of the fleet."""

    number: int
    account: ExchangeAccount
    rules: SymbolRules
    interval: str
    parameters: dict[str, Any]


def _series(count: int) -> list[tuple[SymbolRules, str]]:
    symbols = list(SymbolRules.objects.filter(environment=Environment.PAPER, market=Market.SPOT, status="TRADING"))
    found = [(rules, interval) for interval, rules in islice(product(INTERVALS, symbols), count)]
    if len(found) < count:
        text = f"{count} series: the paper exchange has {len(symbols)} symbols in {len(INTERVALS)} intervals"
        raise FleetTooBig(f"{text}; start it with --copies {-(-count // len(INTERVALS)) - len(symbols)}")
    return found


def _settings(count: int) -> list[dict[str, Any]]:
    pairs = list(islice(product(SPREADS, FASTEST), count))
    if len(pairs) < count:
        raise FleetTooBig(f"{count} settings: there are {len(SPREADS) * len(FASTEST)}")
    return [{"ema_fast": fast, "ema_slow": fast + spread} for spread, fast in pairs]


def _accounts(count: int, *, now: datetime) -> list[ExchangeAccount]:
    """The first so many accounts of the fleet, opened at the exchange where they are missing."""
    found = {account.name: account for account in ExchangeAccount.objects.filter(name__startswith=f"{NAME} ")}
    wanted = [f"{NAME} {number:05}" for number in range(count)]
    opened = [_account(name, number) for number, name in enumerate(wanted) if name not in found]
    reconcile_accounts(opened, now=now)  # nobody enters before
    found |= {account.name: account for account in opened}
    return [found[name] for name in wanted]


def _account(name: str, number: int) -> ExchangeAccount:
    owner, created = User.objects.get_or_create(username=f"{NAME} {number // ACCOUNTS_OF_AN_OWNER:05}")
    if created:
        owner.set_unusable_password()
        owner.save()
    api_key, api_secret = open_paper_account(name, MONEY)
    keys = {"api_key": api_key, "api_secret": api_secret}
    return ExchangeAccount.objects.create(owner=owner, name=name, **keys)


def _create(places: Sequence[_Place]) -> None:
    """Bots with their positions and states, in three statements."""
    positions = Position.objects.bulk_create(
        Position(
            account=place.account,
            symbol=place.rules.symbol,
            base_asset=place.rules.rules.base_asset,
            quote_asset=place.rules.rules.quote_asset,
            smallest_quantity=place.rules.rules.smallest_quantity,
        )
        for place in places
    )
    bots = BotConfig.objects.bulk_create(
        BotConfig(
            owner_id=place.account.owner_id,
            account=place.account,
            market=place.account.market,
            name=f"{NAME} {place.number:06}",
            symbol=place.rules.symbol,
            interval=place.interval,
            position=position,
            desired_state=BotConfig.DesiredState.RUNNING,
            parameters=place.parameters,
            initial_capital=CAPITAL,
            sizing_mode="quote",
            sizing_value=STAKE,
            stop_loss_percent=Decimal(2),
            take_profit_percent=Decimal(3),
            max_daily_trades=20,
            max_daily_loss_perc=Decimal(5),
        )
        for place, position in zip(places, positions, strict=True)
    )
    BotState.objects.bulk_create(BotState(bot=bot, status="pending") for bot in bots)
