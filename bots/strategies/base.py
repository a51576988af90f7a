"""What a strategy is: a name, a schema of parameters, and a pure causal function from candles to signals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from sys import float_info
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market.types import Candles, Side


class Signal(IntEnum):
    """What a strategy says at the close of one candle. Entering one way also means leaving the other."""

    NOTHING = 0
    ENTER_LONG = 1
    ENTER_SHORT = -1
    EXIT_SHORT = 2
    EXIT_LONG = -2
    REDUCE_LONG = 3  # sell one lot of it

    def enters(self, side: Side) -> bool:
        return self is (Signal.ENTER_LONG if side is Side.BUY else Signal.ENTER_SHORT)

    def leaves(self, side: Side) -> bool:
        """Whether a position of this side should be closed."""
        return self in LEAVING[side]

    def reduces(self, side: Side) -> bool:
        """Whether one lot of a position of this side should be sold."""
        return self is Signal.REDUCE_LONG and side is Side.BUY


LEAVING = {
    Side.BUY: (Signal.ENTER_SHORT, Signal.EXIT_LONG),
    Side.SELL: (Signal.ENTER_LONG, Signal.EXIT_SHORT),
}
LEAVING_BYTES = {side: [bytes([signal % 256]) for signal in signals] for side, signals in LEAVING.items()}


@dataclass(frozen=True)
class Parameter:
    """One parameter: its kind, its default and bounds (both included), or the choices it has."""

    name: str
    kind: type
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def fault(self, value: Any) -> str | None:
        """What is wrong with ``value``, naming field, value and bound; None if nothing is."""
        if self.choices:
            listed = ", ".join(self.choices)
            return None if value in self.choices else f"{self.name}: {value!r} is none of {listed}."
        if not self._is_of_kind(value):
            return f"{self.name}: {value!r} is no {'whole number' if self.kind is int else 'number'}."
        if self.minimum is not None and value < self.minimum:
            return f"{self.name}: {value} is below the minimum {self.minimum:g}."
        if self.maximum is not None and value > self.maximum:
            return f"{self.name}: {value} is above the maximum {self.maximum:g}."
        return None

    def _is_of_kind(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return isinstance(value, int) if self.kind is int else abs(value) <= float_info.max


Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """Signals for each candle, the indicator values at the last one, and a sentence that tells them."""

    signals: NDArray[np.int8]
    indicators: dict[str, float]
    text: str
    lines: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)  # the indicators at each candle, for charts

    @property
    def last(self) -> Signal:
        return Signal(int(self.signals[-1]))

    def last_leaving(self, side: Side) -> int | None:
        """The index of the newest candle whose signal was to close a position of this side."""
        in_bytes = self.signals.astype(np.int8).tobytes()  # which are searched from behind, and at once
        found = max(map(in_bytes.rfind, LEAVING_BYTES[side]))
        return None if found < 0 else found


@dataclass(frozen=True)
class Strategy:
    """``read`` is pure and causal: the signal of candle i depends on candles up to i only."""

    name: str
    label: str
    parameters: tuple[Parameter, ...]
    candles_needed: Callable[[Parameters], int]
    read: Callable[[Candles, Parameters], Reading]
    cross_check: Callable[[Parameters], str | None] = lambda parameters: None
    adds: bool = False  # to enter again adds to the position that is open
    own_scale: frozenset[str] = frozenset()  # the lines that are no prices: a chart draws them by themselves
    listens: bool = False  # its signals come from outside (`bots.external`); candles say nothing

    def complete(self, given: Parameters) -> dict[str, Any]:
        """The given parameters with defaults for the rest."""
        return {parameter.name: parameter.default for parameter in self.parameters} | dict(given)

    def unknown(self, given: Parameters) -> list[str]:
        """The names among the given parameters that are none of its own."""
        known = {parameter.name for parameter in self.parameters}
        return [name for name in given if name not in known]

    def faults(self, given: Parameters) -> list[str]:
        """Everything that is wrong with the given parameters, in words."""
        faults = [f"{name}: {self.name} has no such parameter." for name in self.unknown(given)]
        complete = self.complete(given)
        faults += filter(None, (parameter.fault(complete[parameter.name]) for parameter in self.parameters))
        contradiction = self.cross_check(complete) if not faults else None
        return [*faults, contradiction] if contradiction else faults
