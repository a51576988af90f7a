"""What was earned and what is held, of one environment: play money and real money are never added up."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, F, Sum
from django.db.models.functions import Abs

from bots.models import BotConfig, SeriesReading
from market.models import ExchangeAccount
from market.types import Environment
from ops.figures.sharing import Owner, remembered
from trades.models import Position

DAYS = 30
SECONDS = 4.0
PAST_SECONDS = 300.0  # what is booked late into a day that is over shows after so long
SYMBOLS = 12
ZERO = Decimal(0)

# Both parts by an index on the moment.
DAILY_SQL = """
    SELECT day, sum(earned) FROM (
        SELECT (t.created_at AT TIME ZONE 'UTC')::date AS day, sum(t.realized_pnl) AS earned
          FROM trades_trade t {trade_owner}
         WHERE t.created_at >= %(since)s AND t.created_at < %(until)s AND t.environment = %(environment)s
         GROUP BY 1
         UNION ALL
        SELECT (f.paid_at AT TIME ZONE 'UTC')::date, sum(f.amount)
          FROM trades_funding f JOIN market_exchangeaccount a ON a.id = f.account_id
         WHERE f.paid_at >= %(since)s AND f.paid_at < %(until)s AND a.environment = %(environment)s {funding_owner}
         GROUP BY 1) AS booked
     GROUP BY day
"""
OF_OWNER = {
    "trade_owner": "JOIN trades_position p ON p.id = t.position_id"
    " JOIN market_exchangeaccount a ON a.id = p.account_id AND a.owner_id = %(owner)s",
    "funding_owner": "AND a.owner_id = %(owner)s",
}
OF_ALL = {"trade_owner": "", "funding_owner": ""}


def environments(owner: Owner) -> list[str]:
    """Where there are accounts, the realest first."""

    def look() -> list[str]:
        accounts = ExchangeAccount.objects.filter(**({} if owner is None else {"owner": owner}))
        found = set(accounts.order_by().values_list("environment", flat=True).distinct())
        return [item.value for item in (Environment.LIVE, Environment.TESTNET, Environment.PAPER) if item in found]

    found: list[str] = remembered("environments", owner, look, seconds=SECONDS)
    return found


def daily_pnl(owner: Owner, environment: str, *, now: datetime) -> list[tuple[str, Decimal]]:
    """Booked P&L of the last 30 days (UTC), fees and funding included, the oldest first; the last day is today."""
    today = now.astimezone(UTC).date()
    midnight = datetime.combine(today, time(), UTC)
    first = today - timedelta(days=DAYS - 1)
    past = remembered(
        f"past:{environment}:{today}",
        owner,
        lambda: _booked(owner, environment, datetime.combine(first, time(), UTC), midnight),
        seconds=PAST_SECONDS,
    )
    present = remembered(
        f"today:{environment}:{today}",
        owner,
        lambda: _booked(owner, environment, midnight, midnight + timedelta(days=1)),
        seconds=SECONDS,
    )
    booked = past | present
    names = [(first + timedelta(days=number)).isoformat() for number in range(DAYS)]
    return [(name, Decimal(booked.get(name, 0))) for name in names]


def _booked(owner: Owner, environment: str, since: datetime, until: datetime) -> dict[str, str]:
    sql = DAILY_SQL.format(**(OF_ALL if owner is None else OF_OWNER))
    with connection.cursor() as cursor:
        cursor.execute(sql, {"since": since, "until": until, "environment": environment, "owner": owner})
        return {day.isoformat(): str(earned) for day, earned in cursor.fetchall()}


def holdings(owner: Owner, environment: str) -> dict[str, Any]:
    """Capital of the bots, what they have earned, and open positions by symbol, the largest first.

    Prices are those that ticks saw last. ``unrealized`` and ``equity`` are None when one is missing.
    """

    def look() -> dict[str, Any]:
        of_owner = {} if owner is None else {"account__owner": owner}
        positions = Position.objects.filter(account__environment=environment, **of_owner)
        bots = BotConfig.objects.filter(account__environment=environment, **of_owner)
        symbols = _exposure(positions.open(), environment)
        missing = any(row["unrealized"] is None for row in symbols)
        unrealized = None if missing else sum((row["unrealized"] for row in symbols), ZERO)
        realized = positions.aggregate(sum=Sum("realized_pnl"))["sum"] or ZERO
        capital = bots.aggregate(sum=Sum("initial_capital"))["sum"] or ZERO
        return {
            "capital": capital,
            "realized": realized,
            "unrealized": unrealized,
            "equity": None if unrealized is None else capital + realized + unrealized,
            "positions": sum(row["positions"] for row in symbols),
            "exposure": sum((row["worth"] for row in symbols), ZERO),
            "symbols": symbols[:SYMBOLS],
            "more_symbols": max(len(symbols) - SYMBOLS, 0),
        }

    found: dict[str, Any] = remembered(f"holdings:{environment}", owner, look, seconds=SECONDS)
    return found


def _exposure(positions: Any, environment: str) -> list[dict[str, Any]]:
    """Positions of one symbol and market, at the last price, or what they cost where there is none."""
    prices = _seen_prices(environment)
    rows = positions.values("symbol", market=F("account__market")).annotate(
        positions=Count("pk"),
        net=Sum("quantity"),
        size=Sum(Abs("quantity")),
        cost=Sum(F("quantity") * F("entry_price")),
        size_cost=Sum(Abs("quantity") * F("entry_price")),
    )
    found = []
    for row in rows.order_by():
        price = prices.get((row["market"], row["symbol"]))
        found.append(
            {
                "symbol": row["symbol"],
                "market": row["market"],
                "positions": row["positions"],
                "net": row["net"],
                "worth": row["size_cost"] if price is None else row["size"] * price,
                "price": price,
                "unrealized": None if price is None else price * row["net"] - row["cost"],
            }
        )
    return sorted(found, key=lambda row: row["worth"], reverse=True)


def _seen_prices(environment: str) -> dict[tuple[str, str], Decimal]:
    """The prices that ticks saw last: one query, whatever the exchange does."""
    rows = SeriesReading.objects.filter(environment=environment).exclude(price=None).order_by("evaluated_at")
    return {(row.market, row.symbol): row.price for row in rows.defer("texts") if row.price is not None}
