"""What kept a bot from running, as one of its reasons (features T5, T10)."""

import logging

from bots.decision import Decision
from bots.types import Reason
from market.candles import StaleData
from market.exchange.errors import (
    BadRequest,
    ExchangeError,
    ExchangeUnavailable,
    NotConfigured,
    OrderRejected,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
)
from market.fields import SecretUnreadable
from market.symbols import UnknownSymbol

logger = logging.getLogger(__name__)

# The first class that fits counts.
REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (StaleData, Reason.STALE_DATA),
    (RateLimited, Reason.EXCHANGE_COOLDOWN),
    (PermissionDenied, Reason.NO_PERMISSION),
    (UnknownSymbol, Reason.NO_PERMISSION),
    (BadRequest, Reason.NO_PERMISSION),
    (NotConfigured, Reason.MISSING_KEY),
    (SecretUnreadable, Reason.DECRYPT_FAILED),
    (OrderRejected, Reason.ORDER_REJECTED),
    (OutcomeUnknown, Reason.ORDER_UNKNOWN),
    (ExchangeUnavailable, Reason.PRICE_FETCH),
    (ExchangeError, Reason.EXCHANGE_CLIENT),
)


class StrategyFailed(Exception):
    """A strategy raised, or returned something that is no reading."""


def decision_about(error: Exception) -> Decision:
    """The decision of a bot that could not even look: its status, and a sentence without secrets."""
    text = readable(str(error))
    if isinstance(error, StrategyFailed):
        return Decision.because(Reason.STRATEGY_ERROR, text)
    for kind, reason in REASONS:
        if isinstance(error, kind):
            return Decision.because(reason, text)
    logger.error("a bot stumbled over a bug of ours", exc_info=error)
    return Decision.because(Reason.BOT_ERROR, f"{type(error).__name__}: {text}")


def readable(text: str) -> str:
    """The text of foreign code without what PostgreSQL can't keep: zeros, and halves of characters."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
