"""What a strategy reads of a series right now, without a bot: for people, pages and clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bots.recipe import Recipe
from bots.services.look import look_at_series
from bots.situation import MarketView
from bots.strategies import STRATEGIES
from market.rounding import plain
from market.types import Series


class BadQuestion(ValueError):
    """A strategy that does not exist, or parameters that it does not take; says which and why."""


@dataclass(frozen=True)
class Indicators:
    """The values at the last closed candle, with the parameters that they were computed with."""

    view: MarketView
    parameters: Mapping[str, Any]

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "candle_close_at": self.view.candle_close_at.isoformat(),
            "price": plain(self.view.price),
            "parameters": dict(self.parameters),
            "indicators": dict(self.view.indicators),
            "signal": self.view.signal.name.lower(),
            "trouble": str(self.view.trouble),
            "text": self.view.text,
        }


def indicators(series: Series, strategy: str, parameters: Mapping[str, Any], *, now: datetime) -> Indicators:
    """Read a strategy as a tick would. Raises BadQuestion, StaleData, ExchangeError."""
    recipe = Recipe(strategy, parameters)
    if recipe.known is None:
        raise BadQuestion(f"strategy: {strategy!r} is none of {', '.join(STRATEGIES)}.")
    if recipe.faults:
        raise BadQuestion(recipe.faults)
    return Indicators(look_at_series(series, now=now).read(recipe), recipe.parameters)
