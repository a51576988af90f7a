"""The figures of a report. Whatever the number of bots, days and trades: a dozen statements for each environment."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction

from market.access import sees_all
from market.planning import planned_anew
from market.rounding import plain
from market.symbols import QUOTE_ASSET
from ops.figures import Part, Period, Scope, Story, performance_of, story, told, traded_environments
from ops.figures.booked import Sums
from ops.figures.scope import DAY, midnight
from ops.models import Report
from ops.reports.summaries import tell_summary

MOST_NAMED = 10  # best and worst bots
MOST_SYMBOLS = 50
Figures = dict[str, Any]


class NoLongerTheirs(Exception):
    """Who asked for it may not see any more what it is about."""


def make_report(report_id: int, *, now: datetime) -> bool:
    """Fill in the figures of a report that waits. False: it is made, or gone.

    What fails is said at the report, and raised: the task goes to the dead letters.
    """
    waiting = Report.objects.filter(pk=report_id, status=Report.Status.WAITING)
    report = waiting.select_related("owner").first()
    if report is None:
        return False
    try:
        figures = _figures(report, now=now)
    except Exception as error:
        if isinstance(error, SoftTimeLimitExceeded):
            connection.close()  # amid a statement: its session would answer nothing any more
        waiting.update(status=Report.Status.FAILED, error=_said(error)[:300], finished_at=now)
        raise
    report.figures = figures
    with transaction.atomic():
        is_ours = bool(waiting.update(status=Report.Status.READY, figures=figures, finished_at=now))
        if is_ours:
            tell_summary(report, now=now)
    return is_ours


def _said(error: Exception) -> str:
    if isinstance(error, SoftTimeLimitExceeded):
        return "it took too long: ask for fewer days"
    return f"{type(error).__name__}: {error}"


def _figures(report: Report, *, now: datetime) -> Figures:
    """Raises NoLongerTheirs."""
    if report.of_everybody and not sees_all(report.owner):
        raise NoLongerTheirs(f"{report.owner} sees only their own rows by now")
    return figures_of(scope_of(report), period_of(report), now=now)


def scope_of(report: Report) -> Scope:
    owner = None if report.of_everybody else report.owner_id
    return Scope(owner, bot=report.bot_id, symbol=report.symbol, strategy=report.strategy)


def period_of(report: Report) -> Period:
    return Period(midnight(report.first_day), midnight(report.last_day) + DAY)


def figures_of(scope: Scope, period: Period, *, now: datetime) -> Figures:
    """Of each environment apart, the realest first; amounts are texts."""
    with planned_anew():
        found = [_of_environment(Part(scope, name), period, now=now) for name in traded_environments(scope)]
    return {"environments": found}


def _of_environment(part: Part, period: Period, *, now: datetime) -> Figures:
    found = story(part, period, now=now)
    traded = list(_traded(found))
    return {
        "environment": part.environment,
        "quote_asset": QUOTE_ASSET,
        "figures": _texts(told(performance_of(found, now=now).figures)),
        "sums": _texts(found.sums._asdict()),
        "days": _days(found, now=now),
        "symbols": _by_symbol(traded)[:MOST_SYMBOLS],
        "traded_bots": len(traded),
        **_best_and_worst(traded),
    }


def _days(found: Story, *, now: datetime) -> list[Figures]:
    """What was booked on each day, and the equity at its end; None before there was capital, and after."""
    series = found.equity(now=now)
    equity = dict(zip(series.dates, (f"{value:.8f}" for value in series.equity), strict=True))
    return [
        {"date": day, **_texts(found.booked.day(day)._asdict()), "equity": equity.get(day)}
        for day in found.period.days
        if midnight(day) <= now
    ]


class Traded(NamedTuple):
    """A position of which something was booked."""

    symbol: str
    name: str  # of its bot
    bot: int | None
    sums: Sums


def _traded(found: Story) -> Iterable[Traded]:
    named = found.part.positions.order_by().values_list("pk", "symbol", "bot__name", "bot")
    for position_id, symbol, name, bot in named.iterator():
        booked = found.booked.positions.get(position_id)
        if booked and (booked.within.trades or booked.within.funding):
            yield Traded(symbol, name or f"{symbol}, without a bot", bot, booked.within)


def _by_symbol(traded: Iterable[Traded]) -> list[Figures]:
    """The largest P&L first."""
    sums: dict[str, Sums] = defaultdict(Sums)
    for position in traded:
        sums[position.symbol] = sums[position.symbol].with_(position.sums)
    ordered = sorted(sums.items(), key=lambda item: item[1].earned, reverse=True)
    return [{"symbol": symbol, **_texts(found._asdict())} for symbol, found in ordered]


def _best_and_worst(traded: list[Traded]) -> Figures:
    ordered = sorted(traded, key=lambda position: position.sums.earned, reverse=True)
    worst = [position for position in ordered[::-1] if position.sums.earned < 0]
    best = [position for position in ordered if position.sums.earned > 0]
    return {
        name: [
            {"name": position.name, "bot": position.bot, "symbol": position.symbol, **_texts(position.sums._asdict())}
            for position in positions[:MOST_NAMED]
        ]
        for name, positions in (("best", best), ("worst", worst))
    }


def _texts(figures: Figures) -> Figures:
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in figures.items()}
