"""Bots by status, what is at stake, what became of orders, what happened, and how the machinery runs."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from bots.types import Status
from market.admin import text
from market.admin.columns import COLOURS
from ops import figures
from tradebot_site.dashboard.shown import Context, amount_of, colour_of, environment_of, listed, owner_of
from trades.lifecycle import OrderStatus

BAD = ("rejected", "absent", "denied", "unknown")
OUTCOMES = ("filled", "canceled", "expired", "rejected", "denied", "absent")


def panels_of(request: HttpRequest) -> Context:
    """Everything below the chart."""
    owner, now = owner_of(request), timezone.now()
    environment = environment_of(request, figures.environments(owner))
    held = figures.holdings(owner, environment)
    return {
        "statuses": _statuses(figures.bots_by_reason(owner, environment), environment),
        "exposure": [_exposure(row, environment) for row in held["symbols"]],
        "more_symbols": held["more_symbols"],
        "outcomes": _outcomes(figures.order_outcomes(owner, environment, now=now), environment, now=now),
        "events": [_event(row, now=now) for row in figures.urgent_events(owner, now=now)],
        "machinery": _machinery(figures.machinery(now=now), now=now) if owner is None else None,
    }


def _statuses(bots: list[tuple[str, str, int]], environment: str) -> list[Context]:
    """Every status in the order of a bot's life, with its reasons; each leads to its bots."""
    reasons: dict[str, list[Context]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for status, reason, count in bots:
        counts[status] += count
        if reason:
            href = listed("bots_botconfig", environment=environment, status=status, reason=reason)
            reasons[status].append({"name": reason, "count": f"{count:,}", "href": href})
    return [
        {
            "name": f"{status.value} {counts[status]:,}",
            "colour": COLOURS[status] if counts[status] else "",
            "href": listed("bots_botconfig", environment=environment, status=status.value),
            "reasons": reasons[status],
        }
        for status in Status
    ]


def _exposure(row: Context, environment: str) -> Context:
    unrealized = amount_of(row["unrealized"])
    where = {"environment": environment, "market": row["market"], "symbol": row["symbol"]}
    return {
        "symbol": row["symbol"],
        "market": row["market"],
        "positions": f"{row['positions']:,}",
        "net": text.number(Decimal(row["net"])),
        "worth": text.money(Decimal(row["worth"])),
        "price": text.number(amount_of(row["price"])),
        "unrealized": text.signed(unrealized),
        "colour": colour_of(unrealized),
        "href": listed("trades_position", position="open", **where),
    }


def _outcomes(found: Context, environment: str, *, now: datetime) -> Context:
    asked = {"environment": environment, "created_at_from": (now - timedelta(days=1)).date().isoformat()}

    def href(status: str) -> str:
        if status == "denied":
            return listed("trades_event", kind__exact="order_denied", **asked)
        return listed("trades_order", status__exact=status, **asked)

    rows = [
        {
            "name": name,
            "hour": f"{found['hour'].get(name, 0):,}",
            "day": f"{found['day'].get(name, 0):,}",
            "href": href(name),
            "bad": name in BAD and bool(found["day"].get(name)),
        }
        for name in OUTCOMES
    ]
    live = found["live"]
    now_at_work = [
        {
            "name": status.value,
            "count": f"{live.get(status, 0):,}",
            "href": listed("trades_order", environment=environment, status__exact=status.value),
            "bad": status in BAD and bool(live.get(status)),
        }
        for status in (OrderStatus.INTENDED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, OrderStatus.OPEN)
    ]
    since_when = found["naked_since"] and datetime.fromisoformat(found["naked_since"])
    naked = f"{found['naked']:,} open positions without their stop" + (
        f", the first for {text.span(now - since_when)}" if since_when else ""
    )
    return {"rows": rows, "live": now_at_work, "naked": naked, "is_naked": bool(found["naked"])}


def _event(row: Context, *, now: datetime) -> Context:
    return {
        "kind": row["kind"].replace("_", " "),
        "message": row["message"],
        "ago": text.ago(datetime.fromisoformat(row["created_at"]), now=now),
        "href": reverse("admin:trades_event_change", args=[row["pk"]]),
        "trouble": row["kind"],
    }


def _machinery(found: Context, *, now: datetime) -> Context:
    """For those who look after the whole platform."""
    queues = found["queues"] and [
        {
            "name": name,
            "depth": f"{depth:,}",
            "oldest": text.NOTHING if age is None else text.span(timedelta(seconds=age)),
        }
        for name, (depth, age) in found["queues"].items()
    ]
    workers = found["workers"] and [
        worker | {"ago": text.ago(datetime.fromisoformat(worker["seen_at"]), now=now)} for worker in found["workers"]
    ]
    weight = found["weight"] and [
        {
            "name": name,
            "used": f"{spent['used']:,}",
            "limit": f"{spent['limit']:,}",
            "silent_until": spent["silent_until"],
            "percent": min(100 * spent["used"] // spent["limit"], 100),
        }
        for name, spent in found["weight"].items()
    ]
    beat_at = found["beat_at"] and datetime.fromisoformat(found["beat_at"])
    return {
        "queues": queues,
        "workers": workers,
        "unserved": found["unserved"],
        "beat": text.ago(beat_at, now=now),
        "beat_late": found["beat_late"],
        "weight": weight,
        "cooling": found["cooling"],
        "dead_letters": found["dead_letters"],
        "dead_letters_href": listed("ops_deadletter", state__exact="waiting"),
    }
