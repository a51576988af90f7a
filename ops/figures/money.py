"""What was earned and what is held, of one environment: play money and real money are never added up."""

from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Min, Sum
from django.db.models.functions import Abs

from bots.models import BotConfig, SeriesReading
from market.models import ExchangeAccount
from market.types import Environment
from ops.figures.scope import Part
from ops.figures.sharing import SECONDS, Owner, remembered
from trades.models import Position

SYMBOLS = 12
ZERO = Decimal(0)


def environments(owner: Owner) -> list[str]:
    """Where there are accounts, the realest first."""

    def look() -> list[str]:
        accounts = ExchangeAccount.objects.filter(**({} if owner is None else {"owner": owner}))
        found = set(accounts.order_by().values_list("environment", flat=True).distinct())
        return [item.value for item in (Environment.LIVE, Environment.TESTNET, Environment.PAPER) if item in found]

    found: list[str] = remembered("environments", owner, look, seconds=SECONDS)
    return found


def holdings(owner: Owner, environment: str) -> dict[str, Any]:
    """Capital of the bots, what they have earned, and open positions by symbol, the largest first.

    Prices are those that ticks saw last. ``unrealized`` and ``equity`` are None when one is missing.
    """

    def look() -> dict[str, Any]:
        of_owner = {} if owner is None else {"account__owner": owner}
        positions = Position.objects.filter(account__environment=environment, **of_owner)
        bots = BotConfig.objects.filter(account__environment=environment, **of_owner)
        symbols = _exposure(positions.open(), environment)
        open_pnl = _added_up(symbols)
        realized = positions.aggregate(sum=Sum("realized_pnl"))["sum"] or ZERO
        capital = bots.aggregate(sum=Sum("initial_capital"))["sum"] or ZERO
        return {
            "capital": capital,
            "realized": realized,
            "unrealized": open_pnl,
            "equity": None if open_pnl is None else capital + realized + open_pnl,
            "positions": sum(row["positions"] for row in symbols),
            "exposure": sum((row["worth"] for row in symbols), ZERO),
            "symbols": symbols[:SYMBOLS],
            "more_symbols": max(len(symbols) - SYMBOLS, 0),
        }

    found: dict[str, Any] = remembered(f"holdings:{environment}", owner, look, seconds=SECONDS)
    return found


def at_the_exchange(owner: Owner, environment: str) -> dict[str, Any]:
    """What accounts held when the exchange was last asked: their equity, how many that are, and the oldest answer."""

    def look() -> dict[str, Any]:
        accounts = ExchangeAccount.objects.filter(
            environment=environment, **({} if owner is None else {"owner": owner})
        )
        told = accounts.filter(last_balances__equity__isnull=False).aggregate(
            equity=Sum("last_balances__equity"), accounts=Count("pk"), oldest=Min("last_balances__equity_at")
        )
        return {**told, "unknown": accounts.count() - told["accounts"]}

    found: dict[str, Any] = remembered(f"exchange:{environment}", owner, look, seconds=SECONDS)
    return found


def unrealized(part: Part) -> Decimal | None:
    """What closing all that is open at the prices that ticks saw last would add; None when one is missing."""
    return _added_up(_exposure(part.positions.open(), part.environment))


def _added_up(symbols: list[dict[str, Any]]) -> Decimal | None:
    missing = any(row["unrealized"] is None for row in symbols)
    return None if missing else sum((row["unrealized"] for row in symbols), ZERO)


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
