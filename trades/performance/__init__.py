"""How trading has fared, in figures: how closed positions ended, and what a daily series of equity says. Plain Python.

What all of them agree on:

- A day is a calendar day, and a year has 365 of them: crypto trades on each.
- The return of a day is its equity at the end, divided by that of the day before and what was put in, less one: money
  that is put in or taken out counts from the day's beginning and is no return (time-weighted, valued daily, as the GIPS
  standards have it). Where equity is not above zero there is no return, and nothing is said that is made of returns.
- Without a risk-free rate; what a return has to reach is zero. Of samples, standard deviations divide by n - 1.
- A figure that too few observations stand behind, or that would divide by zero, is None: insufficient data.

Own numpy: empyrical-reloaded says the same (a test compares) and takes 169 MB and three seconds to be imported.

outcomes.py  how closed positions ended
equity.py    the series, its returns, and how long something was held
risk.py      what the returns say
"""

from dataclasses import dataclass, field
from decimal import Decimal

from trades.performance.equity import EquitySeries, Floats, held_percent
from trades.performance.outcomes import FEW_CLOSED, Outcomes
from trades.performance.risk import (
    Drawdown,
    Risk,
    cagr,
    expected_shortfall,
    sharpe,
    sortino,
    value_at_risk,
    volatility,
)

__all__ = [
    "FEW_CLOSED",
    "Drawdown",
    "EquitySeries",
    "Figure",
    "Floats",
    "Outcomes",
    "Performance",
    "Risk",
    "cagr",
    "expected_shortfall",
    "held_percent",
    "readable",
    "sharpe",
    "sortino",
    "value_at_risk",
    "volatility",
]

Figure = Decimal | int | float | None
PLACES = 8
ABSURD = 10**15  # figures of that size, of next to no capital, say nothing


def readable(value: Figure) -> Decimal | int | None:
    """A figure as people read it; what says nothing is None."""
    if value is None or isinstance(value, int):
        return value
    return round(Decimal(value), PLACES) if -ABSURD < value < ABSURD else None


@dataclass(frozen=True)
class Performance:
    """All figures of one period; amounts in quote asset."""

    realized_pnl: Decimal = Decimal(0)
    unrealized_pnl: Decimal | None = None  # None: not known
    outcomes: Outcomes = field(default_factory=Outcomes)
    risk: Risk = field(default_factory=Risk)
    exposure_percent: float | None = None

    @property
    def total_pnl(self) -> Decimal | None:
        return None if self.unrealized_pnl is None else self.realized_pnl + self.unrealized_pnl

    @property
    def figures(self) -> dict[str, Figure]:
        """By name; None is insufficient data."""
        ends = self.outcomes
        return {
            "total_pnl": self.total_pnl,
            "realized_pnl": self.realized_pnl,
            "unrealized_pnl": self.unrealized_pnl,
            **{name: getattr(ends, name) for name in OF_OUTCOMES},
            **{name: getattr(self.risk, name) for name in OF_RISK},
            "exposure_percent": self.exposure_percent,
        }


OF_OUTCOMES = (
    *("closed", "won", "lost", "win_rate_percent", "average_win", "average_loss", "gross_profit", "gross_loss"),
    *("profit_factor", "expectancy", "best", "worst", "longest_losing_streak"),
)
OF_RISK = tuple(Risk.__dataclass_fields__)
