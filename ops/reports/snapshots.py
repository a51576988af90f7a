"""What bots had come to at the end of each day: written once, soon after it; missed days are caught up with.

What was open at the end of a day is only known when somebody looked at the time: of missed days it stays unknown.
"""

from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Max

from ops.figures.scope import DAY, day_of, midnight
from ops.models import PerformanceSnapshot

SOON = timedelta(hours=1)
MOST_DAYS = 90  # that are caught up with

# Told from now backwards: what a position has earned, less what was booked since the end of that day.
SNAPSHOT_SQL = """
    WITH booked AS (
        SELECT position_id, sum(earned) FILTER (WHERE at >= %(end)s) AS later,
               sum(earned) FILTER (WHERE at < %(end)s) AS earned,
               sum(fee) FILTER (WHERE at < %(end)s) AS fees, sum(trade) FILTER (WHERE at < %(end)s) AS trades
          FROM (SELECT position_id, created_at, realized_pnl, commission_quote, 1
                  FROM trades_trade WHERE created_at >= %(begin)s
                 UNION ALL
                SELECT position_id, paid_at, amount, 0, 0
                  FROM trades_funding WHERE paid_at >= %(begin)s) AS row(position_id, at, earned, fee, trade)
         GROUP BY position_id),
    price AS (
        SELECT DISTINCT ON (environment, market, symbol) environment, market, symbol, price
          FROM bots_seriesreading WHERE price IS NOT NULL
         ORDER BY environment, market, symbol, evaluated_at DESC)
    INSERT INTO ops_performancesnapshot (position_id, day, equity, realized_pnl, unrealized_pnl, fees, trades)
    SELECT p.id, %(day)s, b.initial_capital + p.realized_pnl - coalesce(booked.later, 0), coalesce(booked.earned, 0),
           CASE WHEN NOT %(is_fresh)s THEN NULL WHEN p.quantity = 0 THEN 0
                ELSE p.quantity * (price.price - p.entry_price) END,
           coalesce(booked.fees, 0), coalesce(booked.trades, 0)
      FROM bots_botconfig b
      JOIN trades_position p ON p.id = b.position_id
      JOIN market_exchangeaccount a ON a.id = p.account_id
      LEFT JOIN booked ON booked.position_id = p.id
      LEFT JOIN price ON (price.environment, price.market, price.symbol) = (a.environment, a.market, p.symbol)
     WHERE b.created_at < %(end)s
        ON CONFLICT (position_id, day) DO NOTHING
"""


def take_snapshots(*, now: datetime) -> int:
    """Write those of all days that are over and have none; how many rows were written."""
    return sum(_take(day, now=now) for day in _missing(now))


def _missing(now: datetime) -> list[date]:
    yesterday = day_of(now) - DAY
    newest = PerformanceSnapshot.objects.aggregate(day=Max("day"))["day"]
    first = max(newest + DAY, yesterday - (MOST_DAYS - 1) * DAY) if newest else yesterday
    return [first + number * DAY for number in range((yesterday - first).days + 1)] or [yesterday]


def _take(day: date, *, now: datetime) -> int:
    end = midnight(day) + DAY
    told: dict[str, date | bool] = {"day": day, "begin": midnight(day), "end": end, "is_fresh": now - end < SOON}
    with connection.cursor() as cursor:
        cursor.execute(SNAPSHOT_SQL, told)
        return cursor.rowcount
