"""What the fleet is doing, in figures: `manage.py stats`, and later the dashboard."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any, cast

from celery import current_app
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Count, Min, Sum
from kombu.exceptions import OperationalError

from bots.models import BotConfig, BotState, SeriesReading, Tick
from bots.services import naked_positions
from market.budget import usage
from market.exchange.errors import ExchangeError
from market.hits import reads
from market.prices import last_prices
from market.rounding import plain
from market.types import Market, Price
from trades.models import Fill, Order, Position, PositionQuerySet, Trade

PriceOf = Callable[[Position], Decimal | None]

# Two missed minutes; a single one may be a restart.
TICK_TOO_OLD_SECONDS = 150


def fleet_statistics(
    *, now: datetime, owner: AbstractBaseUser | None = None, ask_exchange: bool = True
) -> dict[str, Any]:
    """Counts by status, P&L in USDT as strings, age of the last finished tick in seconds, waiting messages by queue.

    None stands for what can't be known: no tick yet, no prices, no broker. With ``owner`` bots, orders and P&L are
    those of one user. Without ``ask_exchange`` prices are those that ticks saw last: a page must not wait.
    """
    tick = Tick.objects.filter(finished_at__isnull=False).order_by("-started_at").first()
    positions, states, bots = Position.objects.all(), BotState.objects.all(), BotConfig.objects.all()
    if owner:
        positions, states, bots = positions.owned_by(owner), states.filter(bot__owner=owner.pk), bots.owned_by(owner)
    orders = Order.objects.filter(position__in=positions) if owner else Order.objects.all()
    unrealized = unrealized_pnl(positions, live_prices(now) if ask_exchange else seen_prices())
    return {
        "bots": _by_status(states),
        "bots_active": bots.active().count(),
        "orders": _by_status(orders),
        "fills": Fill.objects.filter(order__in=orders).count() if owner else Fill.objects.count(),
        "trades": Trade.objects.filter(position__in=positions).count() if owner else Trade.objects.count(),
        "open_positions": positions.open().count(),
        **_naked(naked_positions().filter(pk__in=positions) if owner else naked_positions(), now=now),
        "realized_pnl": plain(positions.aggregate(total=Sum("realized_pnl"))["total"] or Decimal(0)),
        "unrealized_pnl": None if unrealized is None else plain(unrealized),
        "last_tick_age_seconds": round((now - tick.started_at).total_seconds(), 1) if tick else None,
        "ticks_missed_last_hour": _missed_ticks(now),
        "ticks_doubled_last_hour": _doubled_ticks(now),
        "last_tick_seconds": tick.duration.total_seconds() if tick and tick.duration is not None else None,
        "queues": queue_depths(),
        "request_weight": request_weight(now),
        "market_reads": reads(),
    }


def _missed_ticks(now: datetime) -> int:
    """Minutes of the last hour that nobody claimed, from the first tick on. One that has just begun is not due yet."""
    until = Tick.slot_of(now - timedelta(seconds=5))
    hour_ago = until - timedelta(hours=1)
    first = Tick.objects.order_by("slot").values_list("slot", flat=True).first()
    if first is None or first > until:
        return 0
    due = (until - max(first - timedelta(minutes=1), hour_ago)) // timedelta(minutes=1)
    return due - Tick.objects.filter(slot__gt=hour_ago, slot__lte=until).count()


def _doubled_ticks(now: datetime) -> int:
    """How often a minute of the last hour was begun once more: a second beat, or a message that came twice."""
    recent = Tick.objects.filter(slot__gt=now - timedelta(hours=1))
    return recent.aggregate(sum=Sum("doubles"))["sum"] or 0


def is_healthy(statistics: dict[str, Any]) -> bool:
    """False while active bots wait for a tick that does not come, or the broker is away."""
    age = statistics["last_tick_age_seconds"]
    ticking = not statistics["bots_active"] or (age is not None and age < TICK_TOO_OLD_SECONDS)
    return ticking and statistics["queues"] is not None


def unrealized_pnl(positions: PositionQuerySet, price_of: PriceOf) -> Decimal | None:
    """What closing every open one of ``positions`` would add; None when a price is missing."""
    total = Decimal(0)
    for position in positions.open().select_related("account"):
        price = price_of(position)
        if price is None:
            return None
        total += position.holding.unrealized_pnl(price)
    return total


def live_prices(now: datetime) -> PriceOf:
    """The exchange's last prices, asked for once for each environment and market."""

    @cache
    def prices(environment: str, market: str) -> Mapping[str, Price]:
        try:
            return last_prices(environment, market, now=now)
        except ExchangeError:
            return {}

    def price_of(position: Position) -> Decimal | None:
        try:
            price = prices(position.account.environment, position.account.market).get(position.symbol)
        except ExchangeError:  # a symbol that no feed brings
            return None
        return price.value if price else None

    return price_of


def seen_prices() -> PriceOf:
    """The prices that ticks saw last: one query, whatever the exchange does."""
    rows = SeriesReading.objects.exclude(price=None).order_by("evaluated_at")
    seen = {tuple(names): price for *names, price in rows.values_list("environment", "market", "symbol", "price")}

    def price_of(position: Position) -> Decimal | None:
        return seen.get((position.account.environment, position.account.market, position.symbol))

    return price_of


def queue_depths() -> dict[str, int] | None:
    """Messages that wait in each queue; None when the broker does not answer."""
    try:
        with current_app.connection_for_read(connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
            client = cast(Any, connection.default_channel).client  # kombu's Redis channel
            return {name: client.llen(name) for name in settings.CELERY_TASK_QUEUES}
    except (OperationalError, OSError):
        return None


def _naked(naked: PositionQuerySet, *, now: datetime) -> dict[str, Any]:
    """Positions whose stop does not rest at the exchange, and for how many seconds the worst of them."""
    since = naked.aggregate(count=Count("pk"), first=Min("naked_since"))
    seconds = (now - since["first"]).total_seconds() if since["first"] else 0.0
    return {"naked_positions": since["count"], "naked_position_seconds": round(seconds, 1)}


def request_weight(now: datetime) -> dict[str, Any] | None:
    """What this minute's calls have used of what the exchanges allow us, by environment and market; None: no Redis."""
    found: dict[str, Any] = {}
    for environment, market in product(settings.ENVIRONMENTS, Market):
        spent = usage(environment, market, now=now)
        if spent is None:
            return None
        until = spent.silent_until.isoformat() if spent.silent_until else None
        found[f"{environment} {market}"] = {"used": spent.used, "limit": spent.limit, "silent_until": until}
    return found


def _by_status(rows: Any) -> dict[str, int]:
    return dict(rows.values_list("status").annotate(Count("pk")).order_by("status"))
