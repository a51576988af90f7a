"""Where bots stand, what came of orders, and what needs somebody."""

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


def bots_by_reason(owner: Owner) -> list[tuple[str, str, int]]:
    """Status, reason and how many bots, the most frequent first."""

    def look() -> list[Any]:
        states = BotState.objects.filter(**({} if owner is None else {"bot__owner": owner}))
        return list(states.values_list("status", "reason").annotate(count=Count("pk")).order_by("-count"))

    return [tuple(row) for row in remembered("bots", owner, look, seconds=SECONDS)]


def order_outcomes(owner: Owner, *, now: datetime) -> dict[str, Any]:
    """Orders of the last hour and day by status, denials among them; live ones; positions without their stop."""
    return {
        "hour": remembered("hour", owner, lambda: _outcomes(owner, now - timedelta(hours=1)), seconds=SECONDS),
        "day": remembered("day", owner, lambda: _outcomes(owner, now - timedelta(days=1)), seconds=DAY_SECONDS),
        **remembered("live", owner, lambda: _live(owner), seconds=SECONDS),
    }


def _outcomes(owner: Owner, since: datetime) -> Counts:
    orders = Order.objects.filter(created_at__gte=since, **({} if owner is None else {"account__owner": owner}))
    counts = dict(orders.order_by().values_list("status").annotate(Count("pk")))
    denials = Event.objects.filter(kind=Event.Kind.ORDER_DENIED, created_at__gte=since)
    if owner is not None:
        denials = denials.filter(position__account__owner=owner)
    return counts | {"denied": denials.count()}


def _live(owner: Owner) -> dict[str, Any]:
    orders = Order.objects.filter(status__in=LIVE, **({} if owner is None else {"account__owner": owner}))
    naked = naked_positions()
    if owner is not None:
        naked = naked.filter(account__owner=owner)
    stopless = naked.aggregate(count=Count("pk"), since=Min("naked_since"))
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
