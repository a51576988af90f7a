"""What the returns of days say."""

from dataclasses import dataclass

import numpy as np

from trades.performance.equity import EquitySeries, Floats

DAYS_IN_A_YEAR = 365
FEW_RETURNS = 30  # of fewer days a spread says nothing
FEW_DAYS_OF_A_YEAR = 90  # less than a quarter says nothing of a whole year
FEW_IN_THE_TAIL = 2  # so many days at least lie beyond a value at risk: 40 days for 95 %, 200 for 99 %
SAME = 1e-9  # spreads of less than this share of a return are the noise of floats


@dataclass(frozen=True)
class Drawdown:
    """The deepest fall from the highest value so far, and the fall at the end, in percent of that value."""

    deepest_percent: float
    days: int  # of the deepest: from its peak until it had recovered, or until the end
    last_percent: float

    @classmethod
    def of(cls, returns: Floats) -> "Drawdown":
        return cls.of_values(np.concatenate(([1.0], np.cumprod(1 + returns))))

    @classmethod
    def of_values(cls, values: Floats) -> "Drawdown":
        """Of values of which the first is above zero, each a step (`days`) after the one before."""
        peaks = np.maximum.accumulate(values)
        falls = 1 - values / peaks
        bottom = int(falls.argmax())
        peak = int(np.flatnonzero(values[: bottom + 1] == peaks[bottom])[-1])
        recovered = np.flatnonzero(values[bottom:] >= peaks[bottom])
        end = bottom + int(recovered[0]) if recovered.size else len(values) - 1
        return cls(100 * float(falls[bottom]), end - peak, 100 * float(falls[-1]))


@dataclass(frozen=True)
class Risk:
    """What daily returns say. Percentages are of equity; losses of `var` and `expected_shortfall` are positive.

    ``calmar`` is the CAGR by the deepest drawdown of the same days (Young, 1991, has 36 months); None without a fall.
    """

    days: int = 0
    return_percent: float | None = None
    cagr_percent: float | None = None
    volatility_percent: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    calmar: float | None = None
    max_drawdown_percent: float | None = None
    max_drawdown_days: int | None = None
    drawdown_percent: float | None = None
    var_95_percent: float | None = None
    var_99_percent: float | None = None
    expected_shortfall_95_percent: float | None = None
    expected_shortfall_99_percent: float | None = None

    @classmethod
    def of(cls, series: EquitySeries) -> "Risk":
        returns = series.returns
        if returns is None:
            return cls(days=len(series.dates))
        fall, yearly = Drawdown.of(returns), cagr(returns)
        return cls(
            days=len(returns),
            return_percent=100 * float(np.prod(1 + returns) - 1),
            cagr_percent=None if yearly is None else 100 * yearly,
            volatility_percent=_percent(volatility(returns)),
            sharpe=sharpe(returns),
            sortino=sortino(returns),
            calmar=None if yearly is None or not fall.deepest_percent else 100 * yearly / fall.deepest_percent,
            max_drawdown_percent=fall.deepest_percent,
            max_drawdown_days=fall.days,
            drawdown_percent=fall.last_percent,
            var_95_percent=_percent(value_at_risk(returns, percent=95)),
            var_99_percent=_percent(value_at_risk(returns, percent=99)),
            expected_shortfall_95_percent=_percent(expected_shortfall(returns, percent=95)),
            expected_shortfall_99_percent=_percent(expected_shortfall(returns, percent=99)),
        )


def cagr(returns: Floats) -> float | None:
    """The compound growth of a year, as a share: the whole growth to the power of 365 by days. From 90 days on."""
    if len(returns) < FEW_DAYS_OF_A_YEAR:
        return None
    return float(np.prod(1 + returns) ** (DAYS_IN_A_YEAR / len(returns)) - 1)


def volatility(returns: Floats) -> float | None:
    """The standard deviation of a day's return, times the root of 365. From 30 days on."""
    if len(returns) < FEW_RETURNS:
        return None
    return float(returns.std(ddof=1) * np.sqrt(DAYS_IN_A_YEAR))


def sharpe(returns: Floats) -> float | None:
    """The mean by the standard deviation, times the root of 365 (Sharpe, 1994). From 30 days on that differ."""
    spread = volatility(returns)
    if spread is None or np.ptp(returns) <= SAME * np.abs(returns).max():
        return None
    return float(returns.mean() * DAYS_IN_A_YEAR / spread)


def sortino(returns: Floats) -> float | None:
    """The mean by the root of the mean square of what is below zero, times the root of 365 (Sortino and Price, 1994).

    Days that gained count as zero in the mean square. From 30 days on of which one has lost.
    """
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0) ** 2)))
    if len(returns) < FEW_RETURNS or not downside:
        return None
    return float(returns.mean() / downside * np.sqrt(DAYS_IN_A_YEAR))


def value_at_risk(returns: Floats, *, percent: int) -> float | None:
    """What a day loses at most on so many of a hundred days, as a share: the quantile of history, between two days
    straight. Zero when even those gained. From two days in the tail on.
    """
    if not _has_a_tail(returns, percent):
        return None
    return max(-float(np.percentile(returns, 100 - percent)), 0.0)


def expected_shortfall(returns: Floats, *, percent: int) -> float | None:
    """What the days in that tail lost on the average, as a share (Acerbi and Tasche, 2002)."""
    if not _has_a_tail(returns, percent):
        return None
    last = (len(returns) - 1) * (100 - percent) // 100
    return max(-float(np.partition(returns, last)[: last + 1].mean()), 0.0)


def _has_a_tail(returns: Floats, percent: int) -> bool:
    return len(returns) * (100 - percent) >= FEW_IN_THE_TAIL * 100


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
