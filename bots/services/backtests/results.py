"""What a trial came to, as it is kept: figures, equity that can be drawn, days, and all that was traded."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Any

from bots.backtest import Outcome
from bots.models import Backtest, BacktestPart
from bots.models.backtests import FIGURES
from bots.services.backtests.series import Curve
from market.rounding import plain
from trades.performance import EquitySeries, Outcomes, Performance, Risk, held_percent

ROWS = 1_000  # of one part
PLACES = 12  # of an amount: more than any exchange trades
ZERO = Decimal(0)
Kind = BacktestPart.Kind
ROUND_COLUMNS = (
    *("side", "opened_at", "closed_at", "entry_price", "exit_price", "quantity", "realized_pnl", "fees", "funding"),
    "exit_kind",
)
# Those of performance, and what the equity of each candle and the fills say.
OF_CANDLES = ("initial_capital", "final_equity", "net_profit", "fees", "funding", "fills", "candles")
ALL_FIGURES = tuple(dict.fromkeys([*Performance().figures, *OF_CANDLES]))
COUNTS = ("closed", "won", "lost", "longest_losing_streak", "days", "max_drawdown_days", "fills", "candles")
FILL_COLUMNS = ("at", "purpose", "kind", "side", "price", "quantity", "fee_quote", "realized_pnl")


@dataclass(frozen=True)
class Result:
    """An outcome, with what it takes to judge it."""

    outcome: Outcome
    curve: Curve

    def columns(self) -> dict[str, Any]:
        """What the row of a backtest says of it."""
        figures = self._figures()
        reasons = {str(reason): count for reason, count in self.outcome.reasons.items() if count}
        return {**{name: figures[name] for name in FIGURES}, "figures": figures, "reasons": reasons}

    def parts(self, backtest: Backtest) -> list[BacktestPart]:
        """What fills pages of its own."""
        told: dict[Kind, Iterable[Any]] = {
            Kind.EQUITY: self.curve.drawn(),
            Kind.DAYS: self._day_rows(),
            Kind.ROUNDS: (_cells(one, ROUND_COLUMNS) for one in self.outcome.rounds),
            Kind.FILLS: (_cells(fill, FILL_COLUMNS) for fill in self.outcome.fills),
        }
        return [
            BacktestPart(backtest=backtest, kind=kind, number=number, rows=rows)
            for kind, all_rows in told.items()
            for number, rows in enumerate(_chunks(all_rows))
        ]

    @cached_property
    def _days(self) -> Any:
        return self.curve.by_day()

    def _figures(self) -> dict[str, float | int | None]:
        """What performance says, with what the equity of each candle knows better than that of each day."""
        outcome, curve = self.outcome, self.curve
        return {
            **{name: _number(value) for name, value in self._performance().figures.items()},
            "initial_capital": curve.capital,
            "final_equity": curve.final,
            "net_profit": curve.final - curve.capital,
            "return_percent": 100 * (curve.final / curve.capital - 1),
            "max_drawdown_percent": curve.deepest_fall_percent,
            "fees": float(sum((fill.fee_quote for fill in outcome.fills), ZERO)),
            "funding": float(outcome.funding),
            "fills": len(outcome.fills),
            "candles": len(outcome.equity),
        }

    def _performance(self) -> Performance:
        outcome, curve, still_open = self.outcome, self.curve, self.outcome.open_position
        held = [(one.opened_at.timestamp(), one.closed_at.timestamp()) for one in outcome.rounds]
        if still_open:
            held.append((still_open.opened_at.timestamp(), curve.end.timestamp()))
        return Performance(
            sum((fill.realized_pnl for fill in outcome.fills), outcome.funding),
            still_open.unrealized_pnl if still_open else ZERO,
            Outcomes.of(one.realized_pnl for one in outcome.rounds),
            Risk.of(EquitySeries(curve.capital, *self._days)),
            held_percent(held, begin=curve.begin.timestamp(), end=curve.end.timestamp()),
        )

    def _day_rows(self) -> Iterator[list[Any]]:
        """Date, equity at its end, what that is more than the day before's, the same in percent, positions closed."""
        closed = Counter(self.curve.date_of(one.closed_at) for one in self.outcome.rounds)
        before = self.curve.capital
        for day, equity in zip(self._days[0], self._days[1].tolist(), strict=True):
            change = 100 * (equity - before) / before if before > 0 else None
            yield [day.isoformat(), equity, equity - before, change, closed[day]]
            before = equity


def _cells(row: Any, columns: Iterable[str]) -> list[str]:
    return [_cell(getattr(row, name)) for name in columns]


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(round(value, PLACES))
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def _number(value: Any) -> float | int | None:
    """JSON has no word for what is no number."""
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, ROWS)):
        yield chunk
