"""The admin's index: how the fleet stands, in real figures, without asking the exchange. Its parts renew themselves."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control

from bots.types import Status
from market.admin import runbook, text
from market.admin.base import sees_all
from market.admin.columns import COLOURS
from market.symbols import QUOTE_ASSET
from ops import figures
from ops.figures.sharing import Owner
from ops.statistics import TICK_TOO_OLD_SECONDS
from trades.lifecycle import OrderStatus

Context = dict[str, Any]
BAD = ("rejected", "absent", "denied", "unknown")
LATE = "tick late"  # the runbook's section
OUTCOMES = ("filled", "canceled", "expired", "rejected", "denied", "absent")


def dashboard(request: HttpRequest, context: Context) -> Context:
    """Unfold's DASHBOARD_CALLBACK. Staff who see only their own rows get only their own figures."""
    return (
        context
        | _cards(request)
        | _chart(request)
        | _panels(request)
        | {"whose": "" if sees_all(request) else "your own bots"}
    )


def fragment(request: HttpRequest, name: str) -> HttpResponse:
    """One part of the index, anew."""
    if not admin.site.has_permission(request):  # logged out meanwhile: the whole page leads to the login
        return HttpResponse(headers={"HX-Refresh": "true"})
    if name not in FRAGMENTS:
        raise Http404(name)
    page = TemplateResponse(request, f"admin/dashboard/{name}.html", FRAGMENTS[name](request))
    patch_cache_control(page, no_store=True)
    return page


def _owner(request: HttpRequest) -> Owner:
    return None if sees_all(request) else request.user.pk


def _environment(request: HttpRequest, known: list[str]) -> str:
    """The one that was asked for, else the realest that there is."""
    asked = request.GET.get("environment", "")
    return asked if asked in known else known[0] if known else "paper"


# --- the chart ----------------------------------------------------------------------------------------------------


def _chart(request: HttpRequest) -> Context:
    owner = _owner(request)
    environment = _environment(request, figures.environments(owner))
    days = figures.daily_pnl(owner, environment, now=timezone.now())
    total, sums = Decimal(0), []
    for _, earned in days:
        total += earned
        sums.append(round(float(total), 2))
    return {
        "chart": {
            "days": [day[5:] for day, _ in days],
            "earned": [round(float(earned), 2) for _, earned in days],
            "sums": sums,
            "unit": QUOTE_ASSET,
        },
        "chart_says": f"Booked P&L by day: {_usdt(total)} in {len(days)} days",
        "environment": environment,
    }


# --- the figures --------------------------------------------------------------------------------------------------


def _cards(request: HttpRequest) -> Context:
    owner, now = _owner(request), timezone.now()
    known = figures.environments(owner)
    environment = _environment(request, known)
    return {
        "as_of": text.moment(now),
        "environment": environment,
        "environments": known,
        "cards": [
            *_money(figures.holdings(owner, environment), figures.daily_pnl(owner, environment, now=now)),
            _bots_card(figures.bots_by_reason(owner)),
            _tick(figures.machinery(now=now), with_details=owner is None, now=now),
        ],
    }


def _panels(request: HttpRequest) -> Context:
    owner, now = _owner(request), timezone.now()
    held = figures.holdings(owner, _environment(request, figures.environments(owner)))
    return {
        "statuses": _statuses(figures.bots_by_reason(owner)),
        "exposure": [_exposure(row) for row in held["symbols"]],
        "more_symbols": held["more_symbols"],
        "outcomes": _outcomes(figures.order_outcomes(owner, now=now), now=now),
        "events": [_event(row, now=now) for row in figures.urgent_events(owner, now=now)],
        "machinery": _machinery(figures.machinery(now=now), now=now) if owner is None else None,
    }


FRAGMENTS = {"cards": _cards, "chart": _chart, "panels": _panels}


def _list(model: str, **query: str) -> str:
    return reverse(f"admin:{model}_changelist") + (f"?{urlencode(query)}" if query else "")


def _card(title: str, value: str, detail: str, href: str, *, colour: str = "") -> Context:
    return {"title": title, "value": value, "detail": detail, "href": href, "colour": colour}


def _money(held: Context, days: list[tuple[str, Decimal]]) -> list[Context]:
    def earned(count: int, title: str, detail: str) -> Context:
        total = sum((pnl for _, pnl in days[-count:]), Decimal(0))
        return _card(
            title, _usdt(total), detail, _list("trades_trade", created_at_from=days[-count][0]), colour=_sign(total)
        )

    equity, unrealized = _amount(held["equity"]), _amount(held["unrealized"])
    at_work = f"{held['positions']:,} open, {text.money(Decimal(held['exposure']))} at work"
    return [
        _card(
            "Equity",
            "unknown" if equity is None else f"{text.money(equity)} {QUOTE_ASSET}",
            f"{text.money(Decimal(held['capital']))} capital of the bots and what they earned",
            _list("bots_botconfig"),
        ),
        earned(1, "P&L today", "booked since 00:00 UTC"),
        earned(7, "P&L in 7 days", "booked, net of fees and funding"),
        earned(30, "P&L in 30 days", f"{_usdt(Decimal(held['realized']))} in all"),
        _card(
            "Unrealised P&L",
            _usdt(unrealized),
            at_work,
            _list("trades_position", position="open"),
            colour=_sign(unrealized),
        ),
    ]


def _bots_card(bots: list[tuple[str, str, int]]) -> Context:
    count = sum(row[2] for row in bots)
    awake = count - sum(number for status, _, number in bots if status == Status.STOPPED)
    return _card("Bots", f"{count:,}", f"{awake:,} are not stopped", _list("bots_botconfig"))


def _tick(machinery: Context, *, with_details: bool, now: datetime) -> Context:
    tick, href = machinery["tick"], _list("bots_tick")
    if tick is None:
        return _card("Last tick", "never", "do beat and the workers run?", runbook.address(LATE), colour="danger")
    age = now - datetime.fromisoformat(tick["at"])
    said = [f"took {tick['seconds']:.2f} s"]
    if with_details:
        said.append(f"{tick['bots']:,} bots, {tick['decisions']:,} decisions, {tick['orders']:,} orders")
    if machinery["missed"]:
        said.append(f"{machinery['missed']} missed in the last hour")
    if machinery["doubled"]:
        said.append(f"{machinery['doubled']} begun twice: is there a second beat?")
    if machinery["missed"] or machinery["doubled"]:
        href = runbook.address(LATE)
    is_old = age > timedelta(seconds=TICK_TOO_OLD_SECONDS)
    if is_old:
        href = runbook.address(LATE)
        said = ["too old: do beat and the workers run?"]
    return _card("Last tick", f"{text.span(age)} ago", "; ".join(said), href, colour="danger" if is_old else "")


def _statuses(bots: list[tuple[str, str, int]]) -> list[Context]:
    """Every status in the order of a bot's life, with its reasons; each leads to its bots."""
    reasons: dict[str, list[Context]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for status, reason, count in bots:
        counts[status] += count
        if reason:
            href = _list("bots_botconfig", status=status, reason=reason)
            reasons[status].append({"name": reason, "count": f"{count:,}", "href": href})
    return [
        {
            "name": f"{status.value} {counts[status]:,}",
            "colour": COLOURS[status] if counts[status] else "",
            "href": _list("bots_botconfig", status=status.value),
            "reasons": reasons[status],
        }
        for status in Status
    ]


def _exposure(row: Context) -> Context:
    unrealized = _amount(row["unrealized"])
    return {
        "symbol": row["symbol"],
        "market": row["market"],
        "positions": f"{row['positions']:,}",
        "net": text.number(Decimal(row["net"])),
        "worth": text.money(Decimal(row["worth"])),
        "price": text.number(_amount(row["price"])),
        "unrealized": text.signed(unrealized),
        "colour": _sign(unrealized),
        "href": _list("trades_position", position="open", symbol=row["symbol"]),
    }


def _outcomes(found: Context, *, now: datetime) -> Context:
    since = (now - timedelta(days=1)).date().isoformat()

    def href(status: str) -> str:
        if status == "denied":
            return _list("trades_event", kind__exact="order_denied", created_at_from=since)
        return _list("trades_order", status__exact=status, created_at_from=since)

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
            "href": _list("trades_order", status__exact=status.value),
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
        "dead_letters_href": _list("ops_deadletter", state__exact="waiting"),
    }


def _amount(told: str | None) -> Decimal | None:
    return None if told is None else Decimal(told)


def _sign(amount: Decimal | None) -> str:
    return "" if not amount else "success" if amount > 0 else "danger"


def _usdt(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{text.signed(amount)} {QUOTE_ASSET}"
