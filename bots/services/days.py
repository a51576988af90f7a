"""What the days of bots have come to, from what is booked, in as many statements as there are time zones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from bots.limits import Day, day_start, known_zone
from bots.models import BotConfig
from market.ready import Asked, ask

# Positions opened and P&L booked; on futures funding is part of it. For every run of a bot, so it is spelt out.
DAYS_SQL = """
    SELECT position_id, sum(opened)::integer, sum(earned)
      FROM (SELECT position_id, (purpose = 'entry')::integer AS opened, realized_pnl AS earned
              FROM trades_trade WHERE position_id = ANY(%(positions)s) AND created_at >= %(start)s
             UNION ALL
            SELECT position_id, 0, amount
              FROM trades_funding WHERE position_id = ANY(%(positions)s) AND paid_at >= %(start)s) AS booked
     GROUP BY position_id
"""


def days_of(bots: Iterable[BotConfig], *, now: datetime) -> dict[int, Day]:
    """What each position has done since its bot's day began, for those that traded or paid funding."""
    return days_in_zones(zones_of(bots), now=now)


def days_in_zones(zones: Iterable[tuple[int, str]], *, now: datetime) -> dict[int, Day]:
    """The same for ids of positions with the time zones of their bots."""
    return {position_id: day for asked in ask_days(zones, now=now) for position_id, day in asked().items()}


def zones_of(bots: Iterable[BotConfig]) -> Iterator[tuple[int, str]]:
    return ((bot.position_id, bot.time_zone) for bot in bots)


def ask_days(zones: Iterable[tuple[int, str]], *, now: datetime) -> list[Asked[dict[int, Day]]]:
    """A query for each time zone."""
    by_zone: dict[str, list[int]] = defaultdict(list)
    for position_id, time_zone in zones:
        by_zone[known_zone(time_zone)].append(position_id)
    return [
        ask(DAYS_SQL, {"positions": positions, "start": day_start(now, zone)}, _read_days)
        for zone, positions in by_zone.items()
    ]


def _read_days(rows: list[Any]) -> dict[int, Day]:
    return {position_id: Day(opened, pnl) for position_id, opened, pnl in rows}
