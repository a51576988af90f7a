"""The registry of strategies. A new one: copy the nearest neighbour with its test, change the rule, add a line here."""

from bots.strategies import ema_rsi
from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy

STRATEGIES: dict[str, Strategy] = {strategy.name: strategy for strategy in (ema_rsi.STRATEGY,)}

__all__ = ["STRATEGIES", "Parameter", "Parameters", "Reading", "Signal", "Strategy"]
