"""A strategy with the parameters that a bot gives it, as they are written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bots.strategies import STRATEGIES, Strategy


@dataclass(frozen=True)
class Recipe:
    """Nothing is checked: the strategy may be unknown, and its parameters anything. All its bots share one reading.

    What follows from both is worked out once for all ticks of a process.

    The database has a number for it (`BotConfig.recipe`).
    """

    strategy: str
    given: Mapping[str, Any]

    @cached_property
    def known(self) -> Strategy | None:
        """The strategy itself; None when there is none of this name."""
        return STRATEGIES.get(self.strategy)

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """With defaults for what is not given. Raises TypeError or ValueError when nothing can be made of them."""
        return self.known.complete(self.given) if self.known else self.given

    @cached_property
    def key(self) -> str:
        """One name for all that read the same. Raises TypeError or ValueError for what is no JSON object."""
        return f"{self.strategy} {json.dumps(self.parameters, sort_keys=True)}"

    @cached_property
    def faults(self) -> str:
        """What keeps the strategy from being read, in words; empty when nothing does."""
        if self.known is None:
            return f"strategy {self.strategy!r} is unknown"
        return " ".join(self.known.faults(self.parameters))

    @cached_property
    def candles_needed(self) -> int:
        """How many candles of history it takes; only of one without faults."""
        assert self.known is not None
        return self.known.candles_needed(self.parameters)
