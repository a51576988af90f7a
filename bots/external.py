"""What may be said to a bot from outside, and in which words. Plain Python."""

from enum import StrEnum

from bots.strategies.base import Signal
from market.types import Market, Side


class Action(StrEnum):
    """What a signal from outside asks for. Entering one way also means leaving the other."""

    ENTER_LONG = "enter_long"
    ENTER_SHORT = "enter_short"
    EXIT_LONG = "exit_long"
    EXIT_SHORT = "exit_short"
    EXIT = "exit"  # whatever is held

    @property
    def signal(self) -> Signal:
        """The same as a strategy says it."""
        return SIGNALS.get(self, Signal.NOTHING)

    @property
    def enters(self) -> Side | None:
        return next((side for side in Side if self.signal.enters(side)), None)

    def leaves(self, side: Side) -> bool:
        """Whether a position of this side should be closed."""
        return self is Action.EXIT or self.signal.leaves(side)

    def may_leave(self, market: str) -> bool:
        """Whether a position may have to be closed: on futures also where it enters, the other way."""
        return market == Market.FUTURES or self.enters is None


SIGNALS = {
    Action.ENTER_LONG: Signal.ENTER_LONG,
    Action.ENTER_SHORT: Signal.ENTER_SHORT,
    Action.EXIT_LONG: Signal.EXIT_LONG,
    Action.EXIT_SHORT: Signal.EXIT_SHORT,
}
# TradingView's {{strategy.market_position}} says where its strategy stands: that is an act.
WORDS = {
    **{action.value: action for action in Action},
    "long": Action.ENTER_LONG,
    "short": Action.ENTER_SHORT,
    "flat": Action.EXIT,
    "close": Action.EXIT,
}
# Its {{strategy.order.action}}: on futures a "buy" may open a long position, or only close a short one.
SPOT_WORDS = {"buy": Action.ENTER_LONG, "sell": Action.EXIT_LONG}


class UnknownAction(ValueError):
    """A word that is no action of this bot; the message says which are."""


def action_of(word: object, market: str) -> Action:
    """What a sender's word means. Raises UnknownAction."""
    words = WORDS | SPOT_WORDS if market == Market.SPOT else WORDS
    if not isinstance(word, str):
        raise UnknownAction(f"{_short(word)} is none of {', '.join(words)}.")
    action = words.get(word)
    if action is None:
        ambiguous = f" ({word} may open a position or close one)" if word in SPOT_WORDS else ""
        raise UnknownAction(f"{_short(word)} is none of {', '.join(words)}{ambiguous}.")
    if action is Action.ENTER_SHORT and market == Market.SPOT:
        raise UnknownAction(f"{_short(word)}: nothing is sold short on spot; exit_long leaves a position.")
    return action


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
