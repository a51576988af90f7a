"""Trials for tests: a strategy that says what a test wants, and candles that are written by hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from bots.backtest import Outcome, Trial, run_trial
from bots.exits import ExitSettings
from bots.limits import Limits
from bots.recipe import Recipe
from bots.situation import Setup, Wish
from bots.sizing import Mode, Sizing
from bots.strategies import Reading, Signal, Strategy
from market.rules import rules_of
from market.tests.factories import entry, futures_entry
from market.types import Candles, Series

MINUTE_MS = 60_000
NOON_MS = 1_764_072_000_000  # 2025-11-25 12:00 UTC
SPOT_RULES, FUTURES_RULES = rules_of(entry()), rules_of(futures_entry())
SETUP = Setup(
    wish=Wish.RUN,
    exits=ExitSettings(),
    sizing=Sizing(Mode.BASE, Decimal("0.01")),
    limits=Limits(),
    initial_capital=Decimal(10_000),
    cooldown_minutes=0,
    exits_when_stopped=True,
)
# The volume of a candle says what the strategy says.
SCRIPTED = Strategy(
    "scripted",
    "as the volume says",
    (),
    candles_needed=lambda parameters: 1,
    read=lambda candles, parameters: Reading((candles.volume - 10).astype(np.int8), {}, "as the volume says"),
)
Bar = tuple[float, float, float, float]


def candles_of(
    bars: Sequence[Bar], signals: Mapping[int, Signal], *, interval_ms: int = MINUTE_MS, begin_ms: int = NOON_MS
) -> Candles:
    """Candles of open, high, low and close, with the signals at some of them, by index."""
    columns = np.array(bars, dtype=np.float64).T.copy()
    volume = np.array([10.0 + signals.get(index, Signal.NOTHING) for index in range(len(bars))])
    return Candles(begin_ms + np.arange(len(bars), dtype=np.int64) * interval_ms, *columns, volume)


def flat(price: float, count: int = 1) -> list[Bar]:
    return [(price, price, price, price)] * count


def trial_of(
    *, futures: bool = False, interval: str = "1m", setup: Mapping[str, Any] | None = None, **fields: Any
) -> Trial:
    """A trial of the scripted strategy: 0.01 BTC, no exits, no fee, no slippage."""
    fields = {"fee_percent": Decimal(0), "rules": FUTURES_RULES if futures else SPOT_RULES} | fields
    market = "futures" if futures else "spot"
    series = Series("paper", market, "BTCUSDT", interval)
    wanted = replace(SETUP, futures=futures, **(setup or {}))
    return Trial(series, fields.pop("recipe", Recipe("scripted", {})), wanted, **fields)


def run(trial: Trial, candles: Candles) -> Outcome:
    return run_trial(trial, candles, begin_ms=int(candles.open_time_ms[0]))


def told(outcome: Outcome) -> list[tuple[str, Decimal, Decimal]]:
    """Kind, price and quantity of each fill."""
    return [(fill.kind, fill.price, fill.quantity) for fill in outcome.fills]


def at_minutes(outcome: Outcome) -> list[int]:
    """In which minute since the beginning each fill was."""
    return [int(fill.at.timestamp() * 1000 - NOON_MS) // MINUTE_MS for fill in outcome.fills]


def joined(*parts: Iterable[Bar]) -> list[Bar]:
    return [bar for part in parts for bar in part]
