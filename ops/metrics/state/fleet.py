"""Bots, what they hold, their orders, and what may be traded. A state that nobody is in is told as 0."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import product

from django.conf import settings
from django.db.models import Count, Min, QuerySet

from bots.models import BotConfig, BotState
from bots.services import naked_positions
from bots.types import Status
from market.models import ExchangeAccount, Switch
from market.switches import Scope, SwitchState
from market.types import Market
from ops.metrics.state.gauges import (
    ACCOUNTS,
    BOTS,
    BOTS_ACTIVE,
    KILL_SWITCHES,
    NAKED_POSITIONS,
    NAKED_SECONDS,
    OPEN_POSITIONS,
    ORDERS_LIVE,
    Reading,
)
from trades.lifecycle import LIVE
from trades.models import Order, Position

PRESSED = (SwitchState.REDUCING, SwitchState.HALTED)


def bots(now: datetime) -> Iterator[Reading]:
    """By status; and how many a tick looks at."""
    counts = _counted(BotState.objects.all(), "status")
    yield from (BOTS.at(counts[(status,)], status) for status in Status)
    yield BOTS_ACTIVE.at(BotConfig.objects.active().count())


def positions(now: datetime) -> Iterator[Reading]:
    """Open ones by where they are, and those without their stop."""
    held = Position.objects.exclude(quantity=0).open()  # the index knows of those that are not flat
    counts = _counted(held, "account__environment", "account__market")
    for place in sorted(counts.keys() | set(product(settings.ENVIRONMENTS, Market))):
        yield OPEN_POSITIONS.at(counts[place], *place)
    naked = naked_positions().aggregate(count=Count("pk"), since=Min("naked_since"))
    yield NAKED_POSITIONS.at(naked["count"])
    yield NAKED_SECONDS.at((now - naked["since"]).total_seconds() if naked["since"] else 0)


def orders(now: datetime) -> Iterator[Reading]:
    """Live ones by status."""
    counts = _counted(Order.objects.live(), "status")
    yield from (ORDERS_LIVE.at(counts[(status,)], status) for status in LIVE)


def switches(now: datetime) -> Iterator[Reading]:
    """Accounts by what their own switch says, and all switches that are pressed."""
    accounts = _counted(ExchangeAccount.objects.all(), "environment", "state")
    above = Counter(
        (Scope.PLATFORM if user is None else Scope.USER, state)
        for user, state in Switch.objects.filter(state__in=PRESSED).values_list("user", "state")
    )
    for environment, state in product(sorted({name for name, _ in accounts} | set(settings.ENVIRONMENTS)), SwitchState):
        yield ACCOUNTS.at(accounts[environment, state], environment, state)
        above[Scope.ACCOUNT, state] += accounts[environment, state]
    yield from (KILL_SWITCHES.at(above[scope, state], scope, state) for scope, state in product(Scope, PRESSED))


READS = (bots, positions, orders, switches)


def _counted(rows: QuerySet, *names: str) -> Counter[tuple[str, ...]]:
    """How many rows there are of each combination of these values."""
    grouped = rows.order_by().values_list(*names).annotate(count=Count("pk"))
    return Counter({tuple(values): count for *values, count in grouped})
