"""What came of a backtest, bit by bit: however long it was, one part of it is in memory at a time."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from bots.models import Backtest, BacktestPart

Row = list[Any]
Kind = BacktestPart.Kind
DAYS = ("date", "equity", "pnl", "return_percent", "closed")
MONTHS = ("month", *DAYS[1:])


def rows_of(backtest: Backtest, kind: BacktestPart.Kind) -> Iterator[Row]:
    """All rows of a kind, in their order."""
    parts = BacktestPart.objects.filter(backtest=backtest, kind=kind).order_by("number")
    for number in list(parts.values_list("number", flat=True)):
        yield from parts.filter(number=number).values_list("rows", flat=True).get()


def equity_of(backtest: Backtest) -> list[Row]:
    """Moments in ms, and the equity then: so few that they can be drawn."""
    return list(rows_of(backtest, Kind.EQUITY))


def days_of(backtest: Backtest) -> Iterator[Row]:
    """One row for each of DAYS."""
    return rows_of(backtest, Kind.DAYS)


def months_of(days: Iterable[Row]) -> Iterator[Row]:
    """The same by month: the equity at its end, what it brought, and how many positions were closed."""
    for month, of_month in groupby(days, key=lambda day: day[0][:7]):
        rows = list(of_month)
        equity, pnl = rows[-1][1], sum(row[2] for row in rows)
        before = equity - pnl
        yield [month, equity, pnl, 100 * pnl / before if before > 0 else None, sum(row[4] for row in rows)]
