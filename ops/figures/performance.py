"""How trading has gone, of one environment, and of some of the positions in it.

Days are UTC. P&L is net of fees, funding is told apart. `trades.performance` says what each figure means.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from ops.figures.booked import Sums, booked
from ops.figures.money import unrealized
from ops.figures.rounds import rounds
from ops.figures.scope import Part, Period, Scope, day_of, midnight
from ops.figures.series import Story, story
from ops.figures.sharing import PAST_SECONDS, SECONDS, Owner, remembered
from trades.performance import Figure, Performance, Risk, readable

DAYS = 30
SAID_SECONDS, SAID_OF_ALL_SECONDS = 60.0, PAST_SECONDS  # one owner's; everybody's take seconds to be found
OF_ROUNDS = (
    *("closed", "won", "lost", "win_rate_percent", "average_win", "average_loss"),
    *("profit_factor", "expectancy", "best", "worst"),
)
ZERO = Decimal(0)
Figures = dict[str, Any]


def performance(scope: Scope, environment: str, *, now: datetime) -> Figures:
    """Of the last 30 days: sums by day and in all, and P1's figures. None is what too little is known for."""
    part = Part(scope, environment)
    days = booked_days(part, now=now)
    patience = SAID_OF_ALL_SECONDS if scope.owner is None else SAID_SECONDS
    period = Period.until_today(now, days=DAYS)
    return {
        "environment": environment,
        "today": _added(days[-1:]),
        "last_7_days": _added(days[-7:]),
        "last_30_days": _added(days),
        "all_time": _kept("all", part, SECONDS, now, lambda: _all_time(part)),
        "daily": days,
        **_kept("said", part, patience, now, lambda: _said(part, period, now=now)),
    }


def booked_days(part: Part, *, now: datetime) -> list[Figures]:
    """Sums of each of the last 30 days, the oldest first; the last one is today."""
    period, today = Period.until_today(now, days=DAYS), midnight(day_of(now))

    def look(since: datetime, until: datetime) -> Figures:
        found = booked(part, since=since, until=until).days
        return {day.isoformat(): sums for day, sums in found.items()}

    past = _kept("past", part, PAST_SECONDS, now, lambda: look(period.begin, today))
    present = _kept("today", part, SECONDS, now, lambda: look(today, period.end))
    known = {name: _read(*sums) for name, sums in (past | present).items()}
    names = [day.isoformat() for day in period.days]
    return [{"date": name, **known.get(name, Sums())._asdict()} for name in names]


def _read(pnl: str, fees: str, funding: str, trades: int) -> Sums:
    return Sums(Decimal(pnl), Decimal(fees), Decimal(funding), trades)


def daily_pnl(owner: Owner, environment: str, *, now: datetime) -> list[tuple[str, Decimal]]:
    """Booked P&L of the last 30 days (UTC), fees and funding included, the oldest first; the last day is today."""
    days = booked_days(Part(Scope(owner), environment), now=now)
    return [(day["date"], day["pnl"] + day["funding"]) for day in days]


def performance_of(found: Story, *, now: datetime) -> Performance:
    """P1's figures of a period. Beside those of its story a few queries.

    What is still open is only known of now: of a period that is over it is None.
    """
    closed, seconds = rounds(found.part, found.period, now=now), found.seconds(now=now)
    return Performance(
        realized_pnl=found.sums.earned,
        unrealized_pnl=unrealized(found.part) if found.period.end > now else None,
        outcomes=closed.outcomes,
        risk=Risk.of(found.equity(now=now)),
        exposure_percent=100 * closed.held_seconds / seconds if seconds else None,
    )


def told(figures: Mapping[str, Figure]) -> Figures:
    """Figures as people read them. What says nothing is None, and named among ``insufficient_data``."""
    rounded = {name: readable(value) for name, value in figures.items()}
    return {**rounded, "insufficient_data": [name for name, value in rounded.items() if value is None]}


def _said(part: Part, period: Period, *, now: datetime) -> Figures:
    found = performance_of(story(part, period, now=now), now=now).figures
    return {"rounds": told({name: found[name] for name in OF_ROUNDS}), "figures": told(found)}


def _added(days: list[Figures]) -> Figures:
    found = Sums()
    for day in days:
        found = found.with_(Sums(*(day[name] for name in Sums._fields)))
    return found._asdict()


def _kept(name: str, part: Part, seconds: float, now: datetime, look: Callable[[], Any]) -> Any:
    key = ":".join(str(value) for value in (name, part.environment, day_of(now), *part.scope[1:]))
    return remembered(f"performance:{key}", part.scope.owner, look, seconds=seconds)


def _all_time(part: Part) -> Figures:
    """What is written on the positions: `realized_pnl` has the funding in it."""
    found = part.positions.aggregate(all=Sum("realized_pnl"), fees=Sum("fees"), funding=Sum("funding"))
    earned, fees, funding = (found[name] or ZERO for name in ("all", "fees", "funding"))
    return {"pnl": earned - funding, "fees": fees, "funding": funding}
