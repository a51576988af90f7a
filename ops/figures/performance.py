"""How trading has gone in the last 30 days, of one environment, and of some of the positions in it.

Days are UTC. P&L is net of fees, funding is told apart. A round goes from a position's opening until nothing but dust
is left of it: a sale of a part is neither won nor lost by itself. What was booked before the 30 days is in no round.
"""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDate

from market.planning import among_few
from market.types import Environment
from ops.figures.money import DAYS, PAST_SECONDS, SECONDS, ZERO
from ops.figures.sharing import Owner, remembered
from trades.models import Funding, Position, PositionQuerySet, Trade

ROUNDS_SECONDS, ALL_ROUNDS_SECONDS = 60.0, PAST_SECONDS  # one owner's; everybody's take seconds to be found
FEW_ROUNDS = 5  # of fewer a share of won ones says nothing
SUMS = ("pnl", "fees", "funding", "trades")
Figures = dict[str, Any]

# Told from what is held now, backwards: what was held when the first of them was booked is not written anywhere.
ROUNDS_SQL = """
    WITH trade AS ({trades}),
         held AS (
            SELECT position_id, id, created_at, pnl, purpose, least, abs(held) + coalesce(sum(
                       CASE WHEN purpose = 'entry' THEN -size ELSE size END
                       + CASE WHEN paid_in = base THEN fee ELSE 0 END
                   ) OVER (PARTITION BY position_id ORDER BY created_at DESC, id DESC
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS left_over
              FROM trade),
         numbered AS (
            SELECT position_id, pnl, sum((purpose <> 'entry' AND left_over < least)::int)
                   OVER (PARTITION BY position_id ORDER BY created_at DESC, id DESC) AS number
              FROM held),
         round AS (SELECT sum(pnl) AS pnl FROM numbered WHERE number > 0 GROUP BY position_id, number)
    SELECT count(*), count(*) FILTER (WHERE pnl > 0), count(*) FILTER (WHERE pnl < 0),
           coalesce(sum(pnl) FILTER (WHERE pnl > 0), 0), coalesce(sum(pnl) FILTER (WHERE pnl < 0), 0),
           max(pnl), min(pnl), sum(pnl)
      FROM round
"""


class Scope(NamedTuple):
    """Of what the figures are: everybody's or one owner's, all of it or a part."""

    owner: Owner
    account: int | None = None
    bot: int | None = None
    symbol: str = ""

    @property
    def positions(self) -> PositionQuerySet:
        where = {"account__owner": self.owner, "account": self.account, "bot": self.bot, "symbol": self.symbol}
        return Position.objects.filter(**{path: value for path, value in where.items() if value not in (None, "")})

    def rows_in(self, environment: str) -> Q:
        """The condition for rows of these positions."""
        if self == Scope(None):
            return Q()
        positions = self.positions.filter(account__environment=environment)
        return among_few("position", positions, Q(position__in=positions))


def traded_environments(scope: Scope) -> list[str]:
    """Where there are positions, the realest first."""
    found = set(scope.positions.order_by().values_list("account__environment", flat=True).distinct())
    return [item.value for item in (Environment.LIVE, Environment.TESTNET, Environment.PAPER) if item in found]


def performance(scope: Scope, environment: str, *, now: datetime) -> Figures:
    """Sums by day and in all, and how rounds ended. Amounts are Decimal; None is what too little is known for."""
    today = now.astimezone(UTC).date()
    midnight = datetime.combine(today, time(), UTC)
    first = midnight - timedelta(days=DAYS - 1)
    rows = scope.rows_in(environment)

    def kept(name: str, seconds: float, compute: Any) -> Any:
        key = f"performance:{name}:{environment}:{today}:{scope.account}:{scope.bot}:{scope.symbol}"
        return remembered(key, scope.owner, compute, seconds=seconds)

    past = kept("past", PAST_SECONDS, lambda: _days(rows, environment, first, midnight))
    present = kept("today", SECONDS, lambda: _days(rows, environment, midnight, midnight + timedelta(days=1)))
    booked = past | present
    names = [(first + timedelta(days=number)).date().isoformat() for number in range(DAYS)]
    days = [{"date": name, **_sums(booked.get(name, {}))} for name in names]
    patience = ALL_ROUNDS_SECONDS if scope.owner is None else ROUNDS_SECONDS
    rounds = kept("rounds", patience, lambda: _rounds(rows, environment, first))
    return {
        "environment": environment,
        "today": _added(days[-1:]),
        "last_7_days": _added(days[-7:]),
        "last_30_days": _added(days),
        "all_time": kept("all", SECONDS, lambda: _all_time(scope, environment)),
        "daily": days,
        "rounds": _told(rounds),
    }


def _sums(found: Figures) -> Figures:
    return {name: int(found.get(name, 0)) if name == "trades" else Decimal(found.get(name, 0)) for name in SUMS}


def _added(days: list[Figures]) -> Figures:
    return {name: sum((day[name] for day in days), 0 if name == "trades" else ZERO) for name in SUMS}


def _days(rows: Q, environment: str, since: datetime, until: datetime) -> Figures:
    """By day what trades and fundings of these rows came to."""
    trades = Trade.objects.filter(rows, environment=environment, created_at__gte=since, created_at__lt=until)
    fundings = Funding.objects.filter(rows, account__environment=environment, paid_at__gte=since, paid_at__lt=until)
    booked = trades.annotate(day=TruncDate("created_at", tzinfo=UTC)).values("day").order_by()
    paid = fundings.annotate(day=TruncDate("paid_at", tzinfo=UTC)).values("day").order_by()
    found = dict[str, Figures]()
    sums = booked.annotate(pnl=Sum("realized_pnl"), fees=Sum("commission_quote"), trades=Count("pk"))
    for row in sums:
        found[row["day"].isoformat()] = {name: row[name] for name in ("pnl", "fees", "trades")}
    for day, funding in paid.annotate(funding=Sum("amount")).values_list("day", "funding"):
        found.setdefault(day.isoformat(), {})["funding"] = funding
    return found


def _all_time(scope: Scope, environment: str) -> Figures:
    """What is written on the positions: `realized_pnl` has the funding in it."""
    positions = scope.positions.filter(account__environment=environment)
    found = positions.aggregate(all=Sum("realized_pnl"), fees=Sum("fees"), funding=Sum("funding"))
    booked, fees, funding = (found[name] or ZERO for name in ("all", "fees", "funding"))
    return {"pnl": booked - funding, "fees": fees, "funding": funding}


def _rounds(rows: Q, environment: str, since: datetime) -> list[Any]:
    trades = Trade.objects.filter(rows, environment=environment, created_at__gte=since).order_by()
    columns = trades.values("position_id", "id", "created_at", "purpose").annotate(
        pnl=F("realized_pnl"),
        size=F("quantity_filled"),
        fee=F("commission"),
        paid_in=F("commission_asset"),
        held=F("position__quantity"),
        least=F("position__smallest_quantity"),
        base=F("position__base_asset"),
    )
    sql, params = columns.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(ROUNDS_SQL.format(trades=sql), params)
        return list(cursor.fetchone() or ())


def _told(found: list[Any]) -> Figures:
    """How rounds ended. What says nothing is None, and named among ``insufficient_data``."""
    closed, won, lost = found[:3]
    gained, given, best, worst, total = (None if value is None else Decimal(value) for value in found[3:])
    assert gained is not None
    assert given is not None
    many = closed >= FEW_ROUNDS
    figures = {
        "win_rate_percent": Decimal(100 * won) / closed if many else None,
        "average_win": gained / won if won else None,
        "average_loss": given / lost if lost else None,
        "profit_factor": gained / -given if many and given else None,
        "expectancy": total / closed if many and total is not None else None,
        "best": best,
        "worst": worst,
    }
    rounded = {name: None if value is None else round(value, 8) for name, value in figures.items()}
    missing = [name for name, value in rounded.items() if value is None]
    return {"closed": closed, "won": won, "lost": lost, **rounded, "insufficient_data": missing}
