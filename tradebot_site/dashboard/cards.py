"""The figures at the top, and the chart of what was earned."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.http import HttpRequest
from django.utils import timezone

from bots.types import Status
from market.admin import runbook, text
from market.symbols import QUOTE_ASSET
from ops import figures
from ops.alerts import open_alerts
from ops.models import Alert, Severity
from ops.statistics import TICK_TOO_OLD_SECONDS
from tradebot_site.dashboard.shown import Context, amount_of, colour_of, environment_of, listed, owner_of, usdt

LATE = "tick late"  # the runbook's section


def cards_of(request: HttpRequest) -> Context:
    """The figures of money, bots and the tick."""
    owner, now = owner_of(request), timezone.now()
    known = figures.environments(owner)
    environment = environment_of(request, known)
    return {
        "as_of": text.moment(now),
        "environment": environment,
        "environments": known,
        "cards": [
            *_money(environment, figures.holdings(owner, environment), figures.daily_pnl(owner, environment, now=now)),
            _exchange_card(figures.at_the_exchange(owner, environment), environment, now=now),
            _bots_card(figures.bots_by_reason(owner, environment), environment),
            _tick(figures.machinery(now=now), with_details=owner is None, now=now),
            *([_alerts_card(open_alerts())] if owner is None else []),
        ],
    }


def chart_of(request: HttpRequest) -> Context:
    """What was earned by day, and in all."""
    owner = owner_of(request)
    environment = environment_of(request, figures.environments(owner))
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
        "chart_says": f"Booked P&L by day: {usdt(total)} in {len(days)} days",
        "environment": environment,
    }


def _card(title: str, value: str, detail: str, href: str, *, colour: str = "") -> Context:
    return {"title": title, "value": value, "detail": detail, "href": href, "colour": colour}


def _money(environment: str, held: Context, days: list[tuple[str, Decimal]]) -> list[Context]:
    def earned(count: int, title: str, detail: str) -> Context:
        total = sum((pnl for _, pnl in days[-count:]), Decimal(0))
        href = listed("trades_trade", environment=environment, created_at_from=days[-count][0])
        return _card(title, usdt(total), detail, href, colour=colour_of(total))

    equity, unrealized = amount_of(held["equity"]), amount_of(held["unrealized"])
    at_work = f"{held['positions']:,} open, {text.money(Decimal(held['exposure']))} at work"
    return [
        _card(
            "Equity",
            "unknown" if equity is None else f"{text.money(equity)} {QUOTE_ASSET}",
            f"{text.money(Decimal(held['capital']))} capital of the bots and what they earned",
            listed("bots_botconfig", environment=environment),
        ),
        earned(1, "P&L today", "booked since 00:00 UTC"),
        earned(7, "P&L in 7 days", "booked, net of fees and funding"),
        earned(30, "P&L in 30 days", f"{usdt(Decimal(held['realized']))} in all"),
        _card(
            "Unrealised P&L",
            usdt(unrealized),
            at_work,
            listed("trades_position", position="open", environment=environment),
            colour=colour_of(unrealized),
        ),
    ]


def _exchange_card(told: Context, environment: str, *, now: datetime) -> Context:
    """What accounts hold in all: other than the equity of bots it counts what nobody trades with."""
    equity = amount_of(told["equity"])
    if equity is None:
        says = "nobody has asked yet" if told["unknown"] else "no account"
    else:
        says = f"in {told['accounts']:,} accounts, as of {text.ago(datetime.fromisoformat(told['oldest']), now=now)}"
        says += f"; {told['unknown']:,} more are not known" if told["unknown"] else ""
    return _card(
        "At the exchange",
        "unknown" if equity is None else f"{text.money(equity)} {QUOTE_ASSET}",
        says,
        listed("market_exchangeaccount", environment=environment),
    )


def _bots_card(bots: list[tuple[str, str, int]], environment: str) -> Context:
    count = sum(row[2] for row in bots)
    awake = count - sum(number for status, _, number in bots if status == Status.STOPPED)
    href = listed("bots_botconfig", environment=environment)
    return _card("Bots", f"{count:,}", f"{awake:,} are not stopped", href)


def _alerts_card(alerts: Sequence[Alert]) -> Context:
    """What is wrong with the system at this moment."""
    href = listed("ops_alert", state="open") if alerts else listed("ops_alert")
    said = ", ".join(alert.name for alert in alerts[:3]) or "everything that is watched is well"
    is_critical = any(alert.severity == Severity.CRITICAL for alert in alerts)
    return _card("Open alerts", f"{len(alerts):,}", said, href, colour="danger" if is_critical else "")


def _tick(machinery: Context, *, with_details: bool, now: datetime) -> Context:
    tick, href = machinery["tick"], listed("bots_tick") if with_details else runbook.address(LATE)
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
    is_old = age > timedelta(seconds=TICK_TOO_OLD_SECONDS)
    if is_old:
        said = ["too old: do beat and the workers run?"]
    if is_old or machinery["missed"] or machinery["doubled"]:
        href = runbook.address(LATE)
    return _card("Last tick", f"{text.span(age)} ago", "; ".join(said), href, colour="danger" if is_old else "")
