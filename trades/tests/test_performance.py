"""Figures by hand, and beside empyrical-reloaded's over random series."""

from datetime import date, timedelta
from decimal import Decimal

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trades.performance import (
    Drawdown,
    EquitySeries,
    Outcomes,
    Performance,
    Risk,
    cagr,
    expected_shortfall,
    held_percent,
    sharpe,
    sortino,
    value_at_risk,
    volatility,
)

FIRST = date(2026, 1, 1)
SHARES = st.floats(min_value=-0.4, max_value=0.4).map(lambda share: round(share, 6))
MANY_RETURNS = st.integers(200, 500).flatmap(lambda size: arrays(np.float64, size, elements=SHARES))
FEW_RETURNS = st.integers(1, 29).flatmap(lambda size: arrays(np.float64, size, elements=SHARES))


def days(count: int) -> list[date]:
    return [FIRST + timedelta(days=number) for number in range(count)]


def decimals(*values: object) -> list[Decimal]:
    return [Decimal(value) for value in values]


def series(*equity: float, start: float = 100, put_in: list[float] | None = None) -> EquitySeries:
    flows = None if put_in is None else np.array(put_in, float)
    return EquitySeries(start, days(len(equity)), np.array(equity, float), flows)


def test_closed_positions_by_hand():
    found = Outcomes.of([Decimal(10), Decimal(-4), Decimal(-1), Decimal(0), Decimal(-2), Decimal(5)])

    assert (found.closed, found.won, found.lost) == (6, 2, 3)
    assert (found.gross_profit, found.gross_loss, found.best, found.worst) == (15, -7, 10, -4)
    assert (found.average_win, found.average_loss) == (Decimal("7.5"), Decimal(-7) / 3)
    assert found.win_rate_percent == Decimal(200) / 6
    assert (found.profit_factor, found.expectancy) == (Decimal(15) / 7, Decimal(8) / 6)
    assert found.longest_losing_streak == 2  # what brought nothing ends it


def test_few_closed_positions_have_no_rates():
    found = Outcomes.of([1.5, -0.5, 2.0])

    assert (found.average_win, found.average_loss) == (Decimal("1.75"), Decimal("-0.5"))
    assert (found.win_rate_percent, found.profit_factor, found.expectancy) == (None, None, None)
    assert Outcomes.of([1, 1, 1, 1]).profit_factor is None
    assert (Outcomes.of([]).best, Outcomes.of([]).longest_losing_streak) == (None, 0)


def test_money_that_is_put_in_or_taken_out_is_no_return():
    found = series(110, 220, 110, put_in=[0, 110, -110]).returns

    assert found == pytest.approx([0.1, 0, 0])
    assert Risk.of(series(110, 220, 110, put_in=[0, 110, -110])).return_percent == pytest.approx(10)


def test_capital_is_there_from_the_day_on_which_it_was_put_in_until_it_is_taken_out():
    earned, put_in = decimals(0, 0, "0.1", 5, "-21.1", 0, 0), decimals(0, 0, 100, 0, 0, -84, 0)

    found = EquitySeries.adding_up(Decimal(0), days(7), earned=earned, put_in=put_in)

    assert (found.start, found.dates, list(found.equity)) == (0, days(7)[2:5], [100.1, 105.1, 84])
    assert found.returns == pytest.approx([0.001, 5 / 100.1, 84 / 105.1 - 1])
    assert EquitySeries.adding_up(Decimal(0), days(2), earned=earned[:2], put_in=put_in[:2]).dates == []


def test_the_deepest_drawdown_lasts_until_it_has_recovered():
    found = Drawdown.of(series(110, 121, 96.8, 90.75, 100, 121, 120).returns)

    assert found.deepest_percent == pytest.approx(25)
    assert (found.days, found.last_percent) == (4, pytest.approx(100 / 121))
    assert Drawdown.of(series(90, 80).returns).days == 2
    assert Drawdown.of(series(101, 102).returns) == Drawdown(0, 0, 0)


def test_a_series_by_hand():
    returns = np.tile([0.02, -0.01], 50)

    assert volatility(returns) == pytest.approx(0.015 * np.sqrt(100 / 99) * np.sqrt(365))
    assert sharpe(returns) == pytest.approx(0.005 / (0.015 * np.sqrt(100 / 99)) * np.sqrt(365))
    assert sortino(returns) == pytest.approx(0.005 / np.sqrt(0.0001 / 2) * np.sqrt(365))
    assert cagr(returns) == pytest.approx((1.02 * 0.99) ** (50 * 3.65) - 1)
    assert (value_at_risk(returns, percent=95), expected_shortfall(returns, percent=95)) == pytest.approx((0.01, 0.01))


def test_the_tail_is_what_lost_most():
    returns = np.arange(-10, 190) / 1000  # the worst two of 200 are -1 % and -0.9 %

    assert value_at_risk(returns, percent=99) == pytest.approx(0.00801)
    assert expected_shortfall(returns, percent=99) == pytest.approx(0.0095)
    assert (value_at_risk(returns[:199], percent=99), expected_shortfall(returns[:199], percent=99)) == (None, None)
    assert value_at_risk(np.abs(returns) + 0.001, percent=95) == 0


def test_a_series_without_spread_has_no_ratio():
    flat, steady = np.zeros(100), np.full(100, 0.01)

    assert (sharpe(flat), sortino(flat), volatility(flat)) == (None, None, 0)
    assert (sharpe(steady), sortino(steady)) == (None, None)
    grown = Risk.of(series(*(100 * 1.01 ** np.arange(1, 101))))
    assert (grown.sharpe, grown.sortino, grown.calmar, grown.max_drawdown_percent) == (None, None, None, 0)
    assert grown.cagr_percent == pytest.approx(100 * (1.01**365 - 1))


@pytest.mark.parametrize(
    "ruined", [series(50, 0, 10), series(50, -5), series(1, start=0), series(1, start=-1), series(5, put_in=[-100])]
)
def test_equity_that_is_not_above_zero_has_no_returns(ruined):
    found = Risk.of(ruined)

    assert found == Risk(days=len(ruined.dates))
    assert found.max_drawdown_percent is None


def test_no_day_at_all_says_nothing():
    assert Risk.of(series()) == Risk()


def test_a_missing_day_is_a_bug():
    with pytest.raises(AssertionError, match="a day is missing"):
        EquitySeries(100, [FIRST, FIRST + timedelta(days=2)], np.array([1.0, 2.0]))
    with pytest.raises(AssertionError, match="1 dates, 2 days"):
        EquitySeries(100, [FIRST], np.array([1.0, 2.0]))


def test_exposure_is_the_share_of_the_time_in_which_something_was_held():
    assert held_percent([(0, 20), (50, 60), (90, 200)], begin=10, end=110) == pytest.approx(40)
    assert held_percent([(0, 20), (50, 60)], begin=0, end=100, positions=3) == pytest.approx(10)
    assert held_percent([(120, 130)], begin=0, end=100) == 0
    assert (held_percent([], begin=0, end=0), held_percent([], begin=0, end=1, positions=0)) == (None, None)


def test_all_figures_have_a_name_and_what_is_not_known_is_none():
    found = Performance(Decimal(5), Decimal(-2), Outcomes.of([5, -1]), Risk.of(series(110, 99)), 12.5).figures

    assert (found["total_pnl"], found["closed"], found["exposure_percent"]) == (3, 2, 12.5)
    assert (found["win_rate_percent"], found["sharpe"], found["var_95_percent"]) == (None, None, None)
    assert (found["max_drawdown_percent"], found["return_percent"]) == pytest.approx((10, -1))
    assert Performance(Decimal(5)).figures["total_pnl"] is None


@given(FEW_RETURNS)
def test_of_few_days_no_ratio_is_said(returns):
    found = Risk.of(series(*(100 * np.cumprod(1 + returns))))

    assert found.return_percent is not None
    assert found.max_drawdown_percent is not None
    assert {found.sharpe, found.sortino, found.calmar, found.cagr_percent, found.volatility_percent} == {None}
    assert {found.var_95_percent, found.var_99_percent, found.expected_shortfall_95_percent} == {None}


@given(MANY_RETURNS, st.floats(min_value=0.01, max_value=1e9))
def test_it_says_what_empyrical_says(returns, start):
    found = Risk.of(EquitySeries(start, days(len(returns)), start * np.cumprod(1 + returns)))

    assert found.days == len(returns)
    for name, theirs in {
        "return_percent": 100 * empyrical.cum_returns_final(returns),
        "cagr_percent": 100 * empyrical.annual_return(returns, annualization=365),
        "volatility_percent": 100 * empyrical.annual_volatility(returns, annualization=365),
        "sharpe": empyrical.sharpe_ratio(returns, annualization=365),
        "sortino": empyrical.sortino_ratio(returns, annualization=365),
        "calmar": empyrical.calmar_ratio(returns, annualization=365),
        "max_drawdown_percent": -100 * empyrical.max_drawdown(returns),
        "var_95_percent": max(-100 * empyrical.value_at_risk(returns, 0.05), 0),
        "var_99_percent": max(-100 * empyrical.value_at_risk(returns, 0.01), 0),
        "expected_shortfall_95_percent": max(-100 * empyrical.conditional_value_at_risk(returns, 0.05), 0),
        "expected_shortfall_99_percent": max(-100 * empyrical.conditional_value_at_risk(returns, 0.01), 0),
    }.items():
        ours = getattr(found, name)
        if ours is None:
            assert np.ptp(returns) == 0 or not np.isfinite(theirs) or abs(theirs) > 1e6, (name, theirs)
        else:
            assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-7), name
