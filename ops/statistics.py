"""What the fleet is doing, in figures: `manage.py stats`. It counts everything; the dashboard has `ops.figures`."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Sum

from bots.models import BotConfig, BotState, Tick
from bots.services import naked_positions
from market.budget import usage
from market.exchange.errors import ExchangeError
from market.hits import reads
from market.prices import last_prices
from market.rounding import plain
from market.types import Market, Price
from ops.queues import queue_depths
from trades.models import Fill, Order, Position, PositionQuerySet, Trade

PriceOf = Callable[[Position], Decimal | None]

# Two missed minutes; a single one may be a restart.
TICK_TOO_OLD_SECONDS = 150


def fleet_statistics(*, now: datetime) -> dict[str, Any]:
    """Counts by status, P&L in USDT as strings, age of the last finished tick in seconds, waiting messages by queue.

    None stands for what can't be known: no tick yet, no prices, no broker.
    """
    tick = last_tick()
    positions = Position.objects.all()
    unrealized = unrealized_pnl(positions, live_prices(now))
    return {
        "bots": _by_status(BotState.objects.all()),
        "bots_active": BotConfig.objects.active().count(),
        "orders": _by_status(Order.objects.all()),
        "fills": Fill.objects.count(),
        "trades": Trade.objects.count(),
        "open_positions": positions.open().count(),
        **_naked(naked_positions(), now=now),
        "realized_pnl": plain(positions.aggregate(total=Sum("realized_pnl"))["total"] or Decimal(0)),
        "unrealized_pnl": None if unrealized is None else plain(unrealized),
        "last_tick_age_seconds": round((now - tick.started_at).total_seconds(), 1) if tick else None,
        "ticks_missed_last_hour": ticks_missed(now),
        "ticks_doubled_last_hour": ticks_doubled(now),
        "last_tick_seconds": tick.duration.total_seconds() if tick and tick.duration is not None else None,
        "queues": queue_depths(),
        "request_weight": request_weight(now),
        "market_reads": reads(),
    }


def last_tick() -> Tick | None:
    """The youngest that has ended."""
    return Tick.objects.filter(finished_at__isnull=False).order_by("-started_at").first()


def ticks_missed(now: datetime) -> int:
    """Minutes of the last hour that nobody claimed, from the first tick on. One that has just begun is not due yet."""
    until = Tick.slot_of(now - timedelta(seconds=5))
    hour_ago = until - timedelta(hours=1)
    first = Tick.objects.order_by("slot").values_list("slot", flat=True).first()
    if first is None or first > until:
        return 0
    due = (until - max(first - timedelta(minutes=1), hour_ago)) // timedelta(minutes=1)
    return due - Tick.objects.filter(slot__gt=hour_ago, slot__lte=until).count()


def ticks_doubled(now: datetime) -> int:
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
