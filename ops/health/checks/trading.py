"""Bots and their orders: how many fail, are ticks made, is anything unprotected. Live apart from paper."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q

from bots.models import BotConfig, BotState
from bots.services import naked_positions
from bots.services.protection import NAKED_TOO_LONG
from bots.types import Status
from ops.health.bounds import level_of_share, told
from ops.health.checks.mends import mend
from ops.health.findings import Finding, Level
from ops.statistics import TICK_TOO_OLD_SECONDS, last_tick, ticks_missed
from trades.lifecycle import NEVER_WERE
from trades.models import Order

HOUR = timedelta(hours=1)
MISSED = 5  # minutes of the last hour: a restart costs one or two


def bots(now: datetime) -> list[Finding]:
    """How many of the bots that are not stopped are in error."""
    states = BotState.objects.exclude(status=Status.STOPPED)
    counted = states.order_by().values_list("bot__account__environment")
    rows = counted.annotate(total=Count("pk"), bad=Count("pk", filter=Q(status=Status.ERROR)))
    advice = mend("Which, and why: /admin/bots/botconfig/?status=error.", "Bot error")
    return [
        _share("bots", environment, bad, total, settings.HEALTH_BOTS_PERCENT, "bots are in error", advice)
        for environment, total, bad in rows
    ] or [Finding("bots", Level.OK, "no bot is started")]


def orders(now: datetime) -> list[Finding]:
    """How many orders of the last hour the exchange refused, or never got."""
    recent = Order.objects.filter(created_at__gte=now - HOUR).order_by().values_list("account__environment")
    rows = recent.annotate(total=Count("pk"), bad=Count("pk", filter=Q(status__in=NEVER_WERE)))
    advice = mend("Their errors: /admin/trades/order/?status__exact=rejected.", "Order rejected")
    what = "orders of the last hour failed"
    return [
        _share("orders", environment, bad, total, settings.HEALTH_ORDERS_PERCENT, what, advice)
        for environment, total, bad in rows
    ] or [Finding("orders", Level.OK, "no order within the last hour")]


def _share(check: str, environment: str, bad: int, total: int, bounds: list[float], what: str, advice: str) -> Finding:
    level, percent = level_of_share(bad, total, bounds, least=settings.HEALTH_LEAST_FAILURES)
    text = f"{environment}: {bad:,} of {total:,} {what}, {percent:.0f} % {told(bounds, ' %')}"
    return Finding(check, level, text, "" if level is Level.OK else advice, environment, round(percent, 1))


def tick(now: datetime) -> list[Finding]:
    """Bots decide once a minute: the last tick that ended is young, and none was missed."""
    advice = mend("Beat, workers and queues: manage.py doctor.", "Tick late")
    if not BotConfig.objects.active().exists():
        return [Finding("tick", Level.OK, "no bot is active, so no tick is missed")]
    last, missed = last_tick(), ticks_missed(now)
    age = None if last is None else (now - last.started_at).total_seconds()
    if age is None or age > TICK_TOO_OLD_SECONDS:
        since = "no tick has ended yet" if age is None else f"the last tick that ended began {age:.0f} s ago"
        return [Finding("tick", Level.CRITICAL, f"{since} (bound {TICK_TOO_OLD_SECONDS} s)", advice, value=age)]
    level = Level.WARNING if missed >= MISSED else Level.OK
    text = f"the last tick began {age:.0f} s ago; {missed} minutes of the last hour were missed (bound {MISSED})"
    return [Finding("tick", level, text, "" if level is Level.OK else advice, value=age)]


def naked(now: datetime) -> list[Finding]:
    """Positions that have had no stop at the exchange for too long."""
    too_long = naked_positions().filter(naked_since__lt=now - NAKED_TOO_LONG)
    found = too_long.aggregate(count=Count("pk"), first=Min("naked_since"))
    if not found["count"]:
        return [Finding("naked", Level.OK, "every position that wants a stop has one", value=0)]
    seconds, bound = (now - found["first"]).total_seconds(), NAKED_TOO_LONG.total_seconds()
    text = f"{found['count']:,} open positions without their stop, the first for {seconds:.0f} s (bound {bound:.0f} s)"
    advice = mend("Which: manage.py stats, /admin/trades/event/?kind__exact=naked_position.", "Naked position")
    return [Finding("naked", Level.CRITICAL, text, advice, value=found["count"])]
