"""The capital that bots were given, and when: from their settings, and from the history of these.

A position without a bot's capital (by hand, or of a bot that was deleted before anything was written down) has P&L and
no return: it is told apart.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q

from bots.models import BotConfig
from ops.figures.booked import Booked, OfPosition
from ops.figures.scope import DAY, Part, Period, day_of, midnight

ZERO = Decimal(0)
GONE = "-"


class Step(NamedTuple):
    """From a day on a bot has so much capital; None: it is gone."""

    day: date
    capital: Decimal | None


Steps = dict[int, list[Step]]


def capital_steps(part: Part) -> Steps:
    """By position, the oldest first. Two queries."""
    positions = part.rows or Q(position__in=part.positions)
    steps: dict[int, list[Step]] = defaultdict(list)
    noted = BotConfig.history.filter(positions).order_by("history_date", "history_id")
    for position_id, kind, at, capital in noted.values_list(
        "position_id", "history_type", "history_date", "initial_capital"
    ):
        known = steps[position_id]
        if not known or known[-1].capital != capital:
            known.append(Step(day_of(at), capital))
        if kind == GONE:  # which may be all that is still written of it
            known.append(Step(day_of(at), None))
    bots = BotConfig.objects.filter(positions).order_by()
    for position_id, created_at, capital in bots.values_list("position_id", "created_at", "initial_capital"):
        known = steps[position_id]
        if not known:
            known.append(Step(day_of(created_at), capital))
        elif day_of(created_at) < known[0].day:
            known[0] = Step(day_of(created_at), known[0].capital)
    return dict(steps)


class Flows(NamedTuple):
    """The equity with which a period began, what was put in on its days, and how long bots were there."""

    start: Decimal
    put_in: dict[date, Decimal]
    seconds: float  # of all bots together


def flows(steps: Steps, earned: dict[int, Decimal], booked: Booked, period: Period, *, now: datetime) -> Flows:
    """``earned``: what each position has earned until now; ``booked``: since the period began."""
    start, seconds, put_in = ZERO, 0.0, dict[date, Decimal]()
    for position_id, known in steps.items():
        within = booked.positions.get(position_id)
        before = earned.get(position_id, ZERO) - (within.since.earned if within else ZERO)
        since = _since_it_earned(known, before, within, period)
        start += before
        for day, amount in _moved(since, earned.get(position_id, ZERO)):
            if day <= period.first_day:
                start += amount
            elif day < period.end.date():
                put_in[day] = put_in.get(day, ZERO) + amount
        seconds += _seconds(since, period, now)
    return Flows(start, put_in, seconds)


def _moved(known: list[Step], earned: Decimal) -> Iterator[tuple[date, Decimal]]:
    """What was put in, and when; a bot that is gone takes all that it had earned with it, from the next day on."""
    has = ZERO
    for day, capital in known:
        if capital is None:
            yield day + DAY, -has - earned
        else:
            yield day, capital - has
        has = capital or ZERO


def _since_it_earned(known: list[Step], before: Decimal, within: OfPosition | None, period: Period) -> list[Step]:
    """Nothing is earned without capital: it was there when the first trade was booked."""
    first = period.first_day if before else day_of(within.first_at) if within else known[0].day
    return [Step(min(first, known[0].day), known[0].capital), *known[1:]]


def _seconds(known: list[Step], period: Period, now: datetime) -> float:
    """How much of the period a bot was there."""
    end = min(period.end, now)
    if known[-1].capital is None:
        end = min(end, midnight(known[-1].day + DAY))
    return max((end - max(midnight(known[0].day), period.begin)).total_seconds(), 0.0)


def earned_so_far(part: Part) -> dict[int, Decimal]:
    """What each position has earned in its life, funding included."""
    return dict(part.positions.order_by().values_list("pk", "realized_pnl"))
