"""What is kept of an outcome adds up."""

from decimal import Decimal

import pytest

from bots.services.backtests.results import Result
from bots.services.backtests.series import Curve
from bots.strategies import Signal
from bots.tests.backtest.trials import candles_of, flat, joined, run, trial_of
from market.exchange.types import MarginBracket
from market.types import moment_of

HOUR_MS = 3_600_000
LONG, LEAVE, SHORT = Signal.ENTER_LONG, Signal.EXIT_LONG, Signal.ENTER_SHORT


def result_of(trial, candles):
    outcome = run(trial, candles)
    begin, end = moment_of(int(candles.open_time_ms[0])), moment_of(int(outcome.equity_ms[-1]))
    capital = float(trial.setup.initial_capital)
    curve = Curve(outcome.equity_ms, outcome.equity, capital=capital, begin=begin, end=end, time_zone="UTC")
    return Result(outcome, curve)


def test_what_was_paid_for_funding_is_part_of_what_was_earned():
    # From noon by hours: 16:00 lies in the first position, midnight in the one that is still open.
    bars = joined(flat(50_000, 8), flat(50_400, 8))
    candles = candles_of(bars, {2: LONG, 6: LEAVE, 9: SHORT}, interval_ms=HOUR_MS)
    trial = trial_of(
        futures=True, interval="1h", funding_percent=Decimal("0.01"), fee_percent=Decimal("0.1"), setup={"leverage": 2}
    )

    figures = result_of(trial, candles).columns()["figures"]

    assert figures["funding"] == pytest.approx(-0.05 + 0.0504)
    assert figures["total_pnl"] == pytest.approx(figures["net_profit"])
    assert figures["realized_pnl"] == pytest.approx(-0.5 - 0.5 - 0.504 - 0.05 + 0.0504)


def test_a_liquidation_costs_what_the_figures_say():
    candles = candles_of(joined(flat(50_000, 2), [(50_000, 50_000, 40_000, 41_000)], flat(41_000, 2)), {0: LONG})

    brackets = (MarginBracket(Decimal("0.004"), Decimal(0)),)

    figures = result_of(trial_of(futures=True, setup={"leverage": 10}, brackets=brackets), candles).columns()["figures"]

    assert figures["net_profit"] == pytest.approx(-50)
    assert (figures["realized_pnl"], figures["total_pnl"]) == (pytest.approx(-50), pytest.approx(-50))
