"""The registry of strategies. A new one: copy the nearest neighbour with its test, change the rule, add a line here."""

from bots.strategies import (
    adx_trend,
    bollinger,
    dca,
    donchian,
    ema_rsi,
    grid,
    macd,
    rsi_reversion,
    supertrend,
    vwap_reversion,
    webhook_signal,
)
from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy

STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        ema_rsi.STRATEGY,
        rsi_reversion.STRATEGY,
        macd.STRATEGY,
        bollinger.STRATEGY,
        donchian.STRATEGY,
        supertrend.STRATEGY,
        adx_trend.STRATEGY,
        vwap_reversion.STRATEGY,
        dca.STRATEGY,
        grid.STRATEGY,
        webhook_signal.STRATEGY,
    )
}

__all__ = ["STRATEGIES", "Parameter", "Parameters", "Reading", "Signal", "Strategy"]
