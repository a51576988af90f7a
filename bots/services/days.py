"""What the days of bots have come to, from what is booked, in a few statements."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from bots.limits import Day, counted_from, known_zone
from bots.models import BotConfig
from market.ready import Asked, ask

# Of whose position, in which time zone, and since when at the earliest.
Whose = tuple[int, str, datetime | None]

# Positions opened and P&L booked; on futures funding is part of it. For every run of a bot, so it is spelt out.
DAYS_SQL = """
    SELECT day.position_id, sum(booked.opened)::integer, sum(booked.earned)
      FROM unnest(%(positions)s::bigint[], %(starts)s::timestamptz[]) AS day(position_id, start)
     CROSS JOIN LATERAL (
            SELECT (purpose = 'entry')::integer AS opened, realized_pnl AS earned
              FROM trades_trade WHERE position_id = day.position_id AND created_at >= day.start
             UNION ALL
            SELECT 0, amount
              FROM trades_funding WHERE position_id = day.position_id AND paid_at >= day.start
           ) AS booked
     GROUP BY day.position_id
"""
# The same of very many whose days began at the same moment: in a third of the time.
SAME_DAY_SQL = """
    SELECT position_id, sum(opened)::integer, sum(earned)
      FROM (SELECT position_id, (purpose = 'entry')::integer AS opened, realized_pnl AS earned
              FROM trades_trade WHERE position_id = ANY(%(positions)s) AND created_at >= %(start)s
             UNION ALL
            SELECT position_id, 0, amount
              FROM trades_funding WHERE position_id = ANY(%(positions)s) AND paid_at >= %(start)s) AS booked
     GROUP BY position_id
"""
VERY_MANY = 500


def days_of(bots: Iterable[BotConfig], *, now: datetime) -> dict[int, Day]:
    """What each position has done since its bot's day began, for those that traded or paid funding.

    The bots come with their states.
    """
    return days_since(whose_days(bots), now=now)


def days_since(whose: Iterable[Whose], *, now: datetime) -> dict[int, Day]:
    """The same for ids of positions with the time zones of their bots, and when their days were reset."""
    return {position_id: day for asked in ask_days(whose, now=now) for position_id, day in asked().items()}


def whose_days(bots: Iterable[BotConfig]) -> Iterator[Whose]:
    return ((bot.position_id, bot.time_zone, bot.state.day_from) for bot in bots)


def ask_days(whose: Iterable[Whose], *, now: datetime) -> list[Asked[dict[int, Day]]]:
    """One statement, and one more for each moment at which the days of very many began."""
    since: dict[datetime, list[int]] = defaultdict(list)
    known: dict[tuple[str, datetime | None], datetime] = {}
    for position_id, zone, day_from in whose:
        if (zone, day_from) not in known:
            known[zone, day_from] = counted_from(now, known_zone(zone), day_from)
        since[known[zone, day_from]].append(position_id)
    same = {start: positions for start, positions in since.items() if len(positions) >= VERY_MANY}
    others = [(position, start) for start, positions in since.items() if start not in same for position in positions]
    asked = [
        ask(SAME_DAY_SQL, {"positions": positions, "start": start}, _read_days) for start, positions in same.items()
    ]
    if others:
        positions, starts = zip(*others, strict=True)
        asked.append(ask(DAYS_SQL, {"positions": list(positions), "starts": list(starts)}, _read_days))
    return asked


def _read_days(rows: list[Any]) -> dict[int, Day]:
    return {position_id: Day(opened, pnl) for position_id, opened, pnl in rows}
