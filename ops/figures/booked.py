"""What was booked, by day (UTC) and by position: one statement over trades and fundings, however many they are.

P&L is net of fees, funding is told apart.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection

from ops.figures.scope import Part, Period
from trades.models import Funding, Trade

ZERO = Decimal(0)
# Both halves by an index of moments or of positions; of a trade one row goes in, so nothing is joined.
BOOKED_SQL = """
    SELECT day, is_apart, {position}, {is_over}, sum(pnl), sum(fees), sum(funding), sum(trades)::bigint, min(at)
      FROM (SELECT (at AT TIME ZONE 'UTC')::date AS day, position_id = ANY(%s::bigint[]) AS is_apart,
                   at >= %s AS is_over, booked.*
              FROM ({trades} UNION ALL {fundings}) AS booked(at, position_id, pnl, fees, funding, trades)) AS booked
     GROUP BY GROUPING SETS ((day, is_apart){or_position})
"""
BY_DAY_ALONE = {"position": "NULL", "is_over": "NULL", "or_position": ""}
BY_POSITION = {"position": "position_id", "is_over": "is_over", "or_position": ", (position_id, is_over)"}
TRADES_SQL = "SELECT created_at, position_id, realized_pnl, commission_quote, 0::numeric, 1 FROM ({rows}) AS trade"
FUNDINGS_SQL = "SELECT paid_at, position_id, 0::numeric, 0::numeric, amount, 0 FROM ({rows}) AS funding"


class Sums(NamedTuple):
    """What trades and fundings came to."""

    pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    trades: int = 0

    @property
    def earned(self) -> Decimal:
        return self.pnl + self.funding

    def with_(self, other: "Sums") -> "Sums":
        return Sums(
            self.pnl + other.pnl, self.fees + other.fees, self.funding + other.funding, self.trades + other.trades
        )


class OfPosition(NamedTuple):
    """What one position came to, and when the first of it was booked."""

    first_at: datetime
    within: Sums = Sums()  # the period
    after: Sums = Sums()  # it, until now

    @property
    def since(self) -> Sums:
        """It began, until now."""
        return self.within.with_(self.after)


class Booked(NamedTuple):
    days: dict[date, Sums]
    apart: dict[date, Sums]  # of the positions that are told apart; in ``days``, too
    positions: dict[int, OfPosition]

    def day(self, day: date) -> Sums:
        return self.days.get(day, Sums())

    def _add(self, position_id: int, is_over: bool, sums: Sums, first_at: datetime) -> None:
        known = self.positions.get(position_id, OfPosition(first_at))
        known = known._replace(first_at=min(known.first_at, first_at))
        self.positions[position_id] = known._replace(after=sums) if is_over else known._replace(within=sums)


def booked(part: Part, *, since: datetime, until: datetime) -> Booked:
    """What was booked in that time, by day. One query."""
    return _booked(part, since, until, BY_DAY_ALONE, end=until)


def booked_since(part: Part, period: Period, *, apart: Sequence[int]) -> Booked:
    """What was booked since a period began, by day and by position; some positions are told apart. One query."""
    return _booked(part, period.begin, None, BY_POSITION, end=period.end, apart=apart)


def _booked(
    part: Part,
    since: datetime,
    until: datetime | None,
    groups: dict[str, str],
    *,
    end: datetime,
    apart: Sequence[int] = (),
) -> Booked:
    found = Booked({}, {}, {})
    try:
        rows, params = _both(part, since, until)
    except EmptyResultSet:  # there are no positions
        return found
    with connection.cursor() as cursor:
        cursor.execute(BOOKED_SQL.format(**rows, **groups), [list(apart), end, *params])
        for day, is_apart, position_id, is_over, *sums, first_at in cursor.fetchall():
            if position_id is not None:
                found._add(position_id, is_over, Sums(*sums), first_at)
                continue
            found.days[day] = found.day(day).with_(Sums(*sums))
            if is_apart:
                found.apart[day] = Sums(*sums)
    return found


def _both(part: Part, since: datetime, until: datetime | None) -> tuple[dict[str, str], list[Any]]:
    trades = Trade.objects.filter(part.rows, environment=part.environment, created_at__gte=since).order_by()
    paid = Funding.objects.filter(part.rows, account__environment=part.environment)
    fundings = paid.filter(paid_at__gte=since).order_by()
    if until is not None:
        trades, fundings = trades.filter(created_at__lt=until), fundings.filter(paid_at__lt=until)
    of_trades, params = trades.values(
        "created_at", "position_id", "realized_pnl", "commission_quote"
    ).query.sql_with_params()
    of_fundings, more = fundings.values("paid_at", "position_id", "amount").query.sql_with_params()
    sql = {"trades": TRADES_SQL.format(rows=of_trades), "fundings": FUNDINGS_SQL.format(rows=of_fundings)}
    return sql, [*params, *more]
