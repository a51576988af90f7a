"""What bots have earned over the last days, as lines."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate

from django.db import connection

POINTS = 28
STEP = timedelta(hours=6)
# Position by position, so that each is looked up in the index by day.
EARNED_SQL = """
    SELECT held.id, floor(extract(epoch FROM booked.at - %(start)s) / %(seconds)s)::integer AS point, sum(booked.amount)
      FROM unnest(%(positions)s::bigint[]) AS held(id)
     CROSS JOIN LATERAL (
            SELECT created_at AS at, realized_pnl AS amount
              FROM trades_trade WHERE position_id = held.id AND created_at >= %(start)s
             UNION ALL
            SELECT paid_at, amount
              FROM trades_funding WHERE position_id = held.id AND paid_at >= %(start)s
           ) AS booked
     GROUP BY held.id, point
"""


def equity_lines(positions: Iterable[int], *, now: datetime) -> dict[int, Sequence[Decimal]]:
    """What each position has earned since a week ago, in quote asset, at the end of every six hours; the last is now.

    One query. Positions of which nothing was booked have no line.
    """
    start = now - POINTS * STEP
    earned: dict[int, list[Decimal]] = {}
    with connection.cursor() as cursor:
        cursor.execute(EARNED_SQL, {"positions": list(positions), "start": start, "seconds": STEP.total_seconds()})
        for position_id, point, amount in cursor.fetchall():
            line = earned.setdefault(position_id, [Decimal(0)] * POINTS)
            line[min(point, POINTS - 1)] += amount
    return {position_id: list(accumulate(line)) for position_id, line in earned.items()}
