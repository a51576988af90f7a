"""Where bots stand, what came of orders, and what needs somebody."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q

from bots.models import BotState
from bots.services import naked_positions
from ops.figures.sharing import Owner, remembered
from trades.lifecycle import LIVE
from trades.models import Event, Order

SECONDS = 4.0
DAY_SECONDS = 60.0
EVENTS = 8
URGENT = (
    Event.Kind.ORDER_UNKNOWN,
    Event.Kind.ORDER_ADOPTED,
    Event.Kind.NAKED_POSITION,
    Event.Kind.BOOKS_DIFFER,
    Event.Kind.KILL_SWITCH,
    Event.Kind.LIQUIDATED,
    Event.Kind.BOT_ERROR,
    Event.Kind.TRANSFER,
)
URGENT_FOR = timedelta(days=1)
Counts = dict[str, int]


def bots_by_reason(owner: Owner, environment: str) -> list[tuple[str, str, int]]:
    """Status, reason and how many bots of an environment, the most frequent first."""

    def look() -> list[Any]:
        whose = {} if owner is None else {"bot__owner": owner}
        states = BotState.objects.filter(bot__account__environment=environment, **whose)
        return list(states.values_list("status", "reason").annotate(count=Count("pk")).order_by("-count"))

    return [tuple(row) for row in remembered(f"bots:{environment}", owner, look, seconds=SECONDS)]


def order_outcomes(owner: Owner, environment: str, *, now: datetime) -> dict[str, Any]:
    """Orders of the last hour and day by status, denials among them; live ones; positions without their stop."""

    def kept(name: str, compute: Callable[[], Any], seconds: float = SECONDS) -> Any:
        return remembered(f"{name}:{environment}", owner, compute, seconds=seconds)

    return {
        "hour": kept("hour", lambda: _outcomes(owner, environment, now - timedelta(hours=1))),
        "day": kept("day", lambda: _outcomes(owner, environment, now - timedelta(days=1)), DAY_SECONDS),
        **kept("live", lambda: _live(owner, environment)),
    }


def _of(owner: Owner, environment: str, path: str = "account") -> dict[str, Any]:
    """The condition for rows that reach their account by ``path``."""
    whose = {} if owner is None else {f"{path}__owner": owner}
    return {f"{path}__environment": environment, **whose}


def _outcomes(owner: Owner, environment: str, since: datetime) -> Counts:
    orders = Order.objects.filter(created_at__gte=since, **_of(owner, environment))
    counts = dict(orders.order_by().values_list("status").annotate(Count("pk")))
    denials = Event.objects.filter(
        kind=Event.Kind.ORDER_DENIED, created_at__gte=since, **_of(owner, environment, "position__account")
    )
    return counts | {"denied": denials.count()}


def _live(owner: Owner, environment: str) -> dict[str, Any]:
    orders = Order.objects.filter(status__in=LIVE, **_of(owner, environment))
    stopless = (
        naked_positions().filter(**_of(owner, environment)).aggregate(count=Count("pk"), since=Min("naked_since"))
    )
    return {
        "live": dict(orders.order_by().values_list("status").annotate(Count("pk"))),
        "naked": stopless["count"],
        "naked_since": stopless["since"],
    }


def urgent_events(owner: Owner, *, now: datetime) -> list[dict[str, Any]]:
    """The newest events of the last day that somebody should look at."""

    def look() -> list[Any]:
        events = Event.objects.filter(kind__in=URGENT, created_at__gte=now - URGENT_FOR)
        if owner is not None:
            events = events.filter(Q(position__account__owner=owner) | Q(account__owner=owner) | Q(user=owner))
        return list(events.order_by("-created_at").values("pk", "kind", "message", "created_at")[:EVENTS])

    found: list[dict[str, Any]] = remembered("events", owner, look, seconds=SECONDS)
    return found
