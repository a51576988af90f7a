"""Which accounts are asked next for what they hold, and what all of it is worth."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import F, Q, QuerySet

from market.budget import SHARES, Priority, usage
from market.budget.budget import DEFAULT_LIMITS
from market.exchange import gateway_for
from market.exchange.types import Balance
from market.models import AccountBalances, ExchangeAccount
from market.prices import known_prices
from market.services.balances import heard
from market.symbols import QUOTE_ASSET
from market.types import Clock, Market

MINUTE = timedelta(minutes=1)
EVERY = 2 * MINUTE
# Whoever was heard since then is not asked again: reconciliation, an entry, or a person who looked.
FRESH_FOR = timedelta(seconds=100)
# What one account costs, in request weight: on spot the account, on futures balance and positions.
WEIGHT = {Market.SPOT: 20, Market.FUTURES: 10}
PRICES_AT_MOST = timedelta(minutes=5)


def next_portfolios(*, now: datetime) -> list[int]:
    """The accounts whose turn it is, those first that have waited longest; of each exchange as many as the request
    weight of EVERY lets through, so that a fleet of any size costs the same.
    """
    chosen = list[int]()
    for environment in settings.ENVIRONMENTS:
        for market in Market:
            due = _due(now=now).filter(environment=environment, market=market)
            oldest = due.order_by(F("last_balances__tried_at").asc(nulls_first=True), "pk")
            chosen += oldest.values_list("pk", flat=True)[: _room(environment, market, now=now)]
    return chosen


def _due(*, now: datetime) -> QuerySet[ExchangeAccount]:
    """Those with a key that the exchange takes, who had no turn lately."""
    waits = Q(last_balances=None) | Q(last_balances__tried_at=None) | Q(last_balances__tried_at__lte=now - FRESH_FOR)
    silent = Q(cooldown_until__isnull=False, cooldown_until__gt=now)
    return ExchangeAccount.objects.exclude(api_key="").filter(waits, key_error="").exclude(silent)


def _room(environment: str, market: Market, *, now: datetime) -> int:
    """How many accounts fit into what this work may spend until the next round."""
    known = usage(environment, market, now=now)
    limit = known.limit if known else DEFAULT_LIMITS[market]
    per_minute = limit * SHARES[Priority.PORTFOLIOS] // 100
    return int(per_minute * (EVERY / MINUTE)) // WEIGHT[market]


def claim_turn(account_id: int, *, now: datetime) -> bool:
    """Take the account's turn; False when somebody has it, or had it just now."""
    AccountBalances.objects.bulk_create([AccountBalances(account_id=account_id)], ignore_conflicts=True)
    not_lately = Q(tried_at=None) | Q(tried_at__lte=now - FRESH_FOR)
    mine = AccountBalances.objects.filter(not_lately, account_id=account_id)
    return bool(mine.update(tried_at=now))


def sync_portfolio(account: ExchangeAccount, *, clock: Clock) -> None:
    """Bring the copy of what an account holds up to date. What somebody heard just now is not asked for again.

    Raises ExchangeError and SecretUnreadable.
    """
    known = AccountBalances.objects.filter(account=account)
    last = known.get()
    if last.synced_at is not None and last.is_fresh(since=clock() - FRESH_FOR):
        at, balances = last.synced_at, last.balances
    else:
        held = heard(account, now=clock())
        at, balances = held.at, held.balances
    equity, unpriced = _worth(account, balances, now=clock())
    known.update(equity=equity + _open_pnl(account), equity_at=at, unpriced=unpriced, trouble="")


def note_trouble(account_id: int, error: Exception) -> None:
    """Say why the copy is not newer."""
    AccountBalances.objects.filter(account_id=account_id).update(trouble=(str(error) or type(error).__name__)[:300])


def _open_pnl(account: ExchangeAccount) -> Decimal:
    """What closing all futures positions now would add, by the exchange's own marks."""
    if account.market != Market.FUTURES:
        return Decimal(0)
    return sum((position.unrealized_pnl for position in gateway_for(account).positions()), Decimal(0))


def _worth(account: ExchangeAccount, balances: Iterable[Balance], *, now: datetime) -> tuple[Decimal, list[str]]:
    """What is held in quote asset, and what has no price; nobody is asked for one."""
    prices = known_prices(account.environment, account.market, now=now, max_age=PRICES_AT_MOST)
    worth, unpriced = Decimal(0), []
    for item in balances:
        price = prices.get(f"{item.asset}{QUOTE_ASSET}")
        if item.asset == QUOTE_ASSET:
            worth += item.free + item.locked
        elif price is not None:
            worth += (item.free + item.locked) * price.value
        else:
            unpriced.append(item.asset)
    return round(worth, 8), unpriced
