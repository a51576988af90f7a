"""What the fleet is doing, in figures: `manage.py stats`, and later the dashboard."""

from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from celery import current_app
from django.conf import settings
from django.db.models import Count, Sum
from kombu.exceptions import OperationalError

from bots.models import BotConfig, BotState, Tick
from market.exchange.errors import ExchangeError
from market.prices import last_prices
from trades.models import Fill, Order, Position, Trade

# Two missed minutes; a single one may be a restart.
TICK_TOO_OLD_SECONDS = 150


def fleet_statistics(*, now: datetime) -> dict[str, Any]:
    """Counts by status, P&L in USDT as strings, age of the last tick in seconds, waiting messages by queue.

    None stands for what can't be known: no tick yet, no prices, no broker.
    """
    tick = Tick.objects.order_by("-started_at").first()
    positions = Position.objects.all()
    unrealized = unrealized_pnl(now=now)
    return {
        "bots": _by_status(BotState.objects),
        "bots_active": BotConfig.objects.active().count(),
        "orders": _by_status(Order.objects),
        "fills": Fill.objects.count(),
        "trades": Trade.objects.count(),
        "open_positions": positions.open().count(),
        "realized_pnl": str(positions.aggregate(total=Sum("realized_pnl"))["total"] or Decimal(0)),
        "unrealized_pnl": None if unrealized is None else str(unrealized),
        "last_tick_age_seconds": round((now - tick.started_at).total_seconds(), 1) if tick else None,
        "last_tick_seconds": tick.duration.total_seconds() if tick and tick.duration is not None else None,
        "queues": queue_depths(),
    }


def is_healthy(statistics: dict[str, Any]) -> bool:
    """False while active bots wait for a tick that does not come, or the broker is away."""
    age = statistics["last_tick_age_seconds"]
    ticking = not statistics["bots_active"] or (age is not None and age < TICK_TOO_OLD_SECONDS)
    return ticking and statistics["queues"] is not None


def unrealized_pnl(*, now: datetime) -> Decimal | None:
    """What closing every open position at the last prices would add; None when a price is missing."""
    total = Decimal(0)
    for position in Position.objects.open().select_related("account"):
        try:
            prices = last_prices(position.account.environment, position.account.market, now=now)
        except ExchangeError:
            return None
        if position.symbol not in prices:
            return None
        total += position.holding.unrealized_pnl(prices[position.symbol].value)
    return total


def queue_depths() -> dict[str, int] | None:
    """Messages that wait in each queue; None when the broker does not answer."""
    try:
        with current_app.connection_for_read(connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
            client = cast(Any, connection.default_channel).client  # kombu's Redis channel
            return {name: client.llen(name) for name in settings.CELERY_TASK_QUEUES}
    except (OperationalError, OSError):
        return None


def _by_status(rows: Any) -> dict[str, int]:
    return dict(rows.values_list("status").annotate(Count("pk")).order_by("status"))
