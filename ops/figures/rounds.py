"""How rounds ended: from a position's opening until nothing but dust is left of it. Without funding.

A sale of a part is neither won nor lost by itself. What was booked before the period is in no round.
"""

from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F

from ops.figures.scope import Part, Period
from trades.models import Trade
from trades.performance import Outcomes

# Told from what is held now, backwards: what was held when the first of them was booked is not written anywhere.
ROUNDS_SQL = """
    WITH trade AS ({trades}),
         undone AS (
            SELECT *, CASE WHEN purpose = 'entry' THEN -size ELSE size END
                      + CASE WHEN paid_in = base THEN fee ELSE 0 END AS change
              FROM trade),
         held AS (
            SELECT position_id, id, created_at, pnl, purpose, least, change, abs(held) + sum(change)
                   OVER (PARTITION BY position_id ORDER BY created_at DESC, id DESC) AS before
              FROM undone),
         numbered AS (
            SELECT position_id, created_at, pnl, purpose = 'entry' AND before < least AS opens,
                   sum((purpose <> 'entry' AND before - change < least)::int)
                   OVER (PARTITION BY position_id ORDER BY created_at DESC, id DESC) AS number
              FROM held),
         round AS (
            SELECT position_id, sum(pnl) AS pnl, max(created_at) AS closed_at,
                   min(created_at) FILTER (WHERE opens) AS opened_at
              FROM numbered WHERE number > 0 GROUP BY position_id, number),
         closed AS (
            SELECT pnl, sum((pnl >= 0)::int) OVER (ORDER BY closed_at, position_id) AS streak
              FROM round WHERE closed_at < %s)
    SELECT count(*), count(*) FILTER (WHERE pnl > 0), count(*) FILTER (WHERE pnl < 0),
           coalesce(sum(pnl) FILTER (WHERE pnl > 0), 0), coalesce(sum(pnl) FILTER (WHERE pnl < 0), 0),
           max(pnl), min(pnl),
           (SELECT coalesce(max(lost), 0)
              FROM (SELECT count(*) FILTER (WHERE pnl < 0) AS lost FROM closed GROUP BY streak) AS streaks),
           (SELECT coalesce(sum(extract(epoch FROM greatest(least(closed_at, %s) -
                   coalesce(opened_at, %s), interval '0'))), 0)::float8 FROM round)
      FROM closed
"""


class Rounds(NamedTuple):
    outcomes: Outcomes
    held_seconds: float  # by all positions together, those that are open counted


def rounds(part: Part, period: Period, *, now: datetime) -> Rounds:
    """How the rounds ended that were closed in the period, and how long something was held. Two queries."""
    trades = Trade.objects.filter(part.rows, environment=part.environment, created_at__gte=period.begin).order_by()
    columns = trades.values("position_id", "id", "created_at", "purpose").annotate(
        pnl=F("realized_pnl"),
        size=F("quantity_filled"),
        fee=F("commission"),
        paid_in=F("commission_asset"),
        held=F("position__quantity"),
        least=F("position__smallest_quantity"),
        base=F("position__base_asset"),
    )
    try:
        sql, params = columns.query.sql_with_params()
    except EmptyResultSet:  # there are no positions
        return Rounds(Outcomes(), 0.0)
    end = min(period.end, now)
    with connection.cursor() as cursor:
        cursor.execute(ROUNDS_SQL.format(trades=sql), [*params, period.end, end, period.begin])
        row = cursor.fetchone()
    assert row is not None
    *found, seconds = row
    opened = part.positions.open().filter(opened_at__lt=end).values_list("opened_at", flat=True)
    seconds += sum((end - max(at, period.begin)).total_seconds() for at in opened if at is not None)
    return Rounds(Outcomes(*found), seconds)
