"""What the days of bots have come to, from what is booked, in one statement."""

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


def days_of(bots: Iterable[BotConfig], *, now: datetime) -> dict[int, Day]:
    """What each position has done since its bot's day began, for those that traded or paid funding.

    The bots come with their states.
    """
    return ask_days(whose_days(bots), now=now)()


def whose_days(bots: Iterable[BotConfig]) -> Iterator[Whose]:
    return ((bot.position_id, bot.time_zone, bot.state.day_from) for bot in bots)


def ask_days(whose: Iterable[Whose], *, now: datetime) -> Asked[dict[int, Day]]:
    """The same for ids of positions with the time zones of their bots, and when their days were reset."""
    starts = {position_id: counted_from(now, known_zone(zone), day_from) for position_id, zone, day_from in whose}
    return ask(DAYS_SQL, {"positions": list(starts), "starts": list(starts.values())}, _read_days)


def _read_days(rows: list[Any]) -> dict[int, Day]:
    return {position_id: Day(opened, pnl) for position_id, opened, pnl in rows}
