"""Every strategy of the registry over a recorded month of spot, and ten days of futures."""

from decimal import Decimal

import numpy as np
import pytest

from bots.backtest import NotTestable, run_trial
from bots.exits import ExitSettings
from bots.recipe import Recipe
from bots.sizing import Mode, Sizing
from bots.strategies import STRATEGIES
from bots.tests.backtest.trials import trial_of
from bots.tests.recorded import recorded
from market.exchange.types import MarginBracket

MINUTES = {"spot": 30 * 1440, "futures": 10 * 1440}
GRID = {"lower": 92_000, "upper": 108_000, "levels": 60}
SETUP = {
    "exits": ExitSettings(
        stop_loss_percent=Decimal(2), take_profit_percent=Decimal(3), trailing_stop_percent=Decimal(2)
    ),
    "sizing": Sizing(Mode.PERCENT, Decimal(10)),
}


@pytest.mark.parametrize("name", [name for name, strategy in STRATEGIES.items() if not strategy.listens])
@pytest.mark.parametrize("market", MINUTES)
def test_it_trades_what_was_recorded(name, market):
    futures = market == "futures"
    candles = recorded(market, "BTCUSDT", count=MINUTES[market])
    setup = SETUP | {"adds": STRATEGIES[name].adds and not futures, "leverage": 3 if futures else 1}
    trial = trial_of(
        futures=futures,
        recipe=Recipe(name, GRID if name == "grid" else {}),
        setup=setup,
        fee_percent=Decimal("0.05"),
        slippage_percent=Decimal("0.01"),
        funding_percent=Decimal("0.01"),
        brackets=(MarginBracket(Decimal("0.004"), Decimal(0)),),
    )

    outcome = run_trial(trial, candles, begin_ms=int(candles.open_time_ms[1000]))

    assert outcome.fills
    assert np.isfinite(outcome.equity).all()
    assert len(outcome.equity) == len(candles) - 1000
    held = outcome.open_position
    assert len(outcome.rounds) > 0 or held
    unrealized = held.unrealized_pnl if held else 0
    earned = sum(fill.realized_pnl for fill in outcome.fills) + sum(done.funding for done in outcome.rounds)
    if not (futures and held):  # what an open position has paid for funding is in the equity only
        assert float(outcome.equity[-1]) == pytest.approx(float(10_000 + earned + unrealized), abs=0.5)


def test_signals_from_outside_are_not_in_the_candles():
    candles = recorded("spot", "BTCUSDT")

    with pytest.raises(NotTestable, match="webhook_signal: its signals come from outside"):
        run_trial(trial_of(recipe=Recipe("webhook_signal", {})), candles, begin_ms=0)
