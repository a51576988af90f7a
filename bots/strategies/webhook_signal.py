"""Signals from outside: TradingView, or a script of the owner's, says when to enter and when to leave.

Candles say nothing here; they only have to be fresh, for nothing is entered on a market that nobody sees. What is said
by POST is heard in the bot's own run (`bots.services.external`).
"""

from datetime import timedelta

import numpy as np

from bots.strategies.base import Parameter, Parameters, Reading, Strategy
from market.types import Candles
from trades.checks.market import SIGNAL_VALID_FOR

PARAMETERS = (
    Parameter(
        "valid_seconds",
        int,
        60,
        "How long after it was sent an entry may still be made, in seconds.",
        minimum=5,
        maximum=SIGNAL_VALID_FOR // timedelta(seconds=1),
    ),
)


def candles_needed(parameters: Parameters) -> int:
    """The newest one, and the one before it: they follow each other."""
    return 2


def read(candles: Candles, parameters: Parameters) -> Reading:
    return Reading(np.zeros(len(candles), np.int8), {}, "waits for a signal by POST")


STRATEGY = Strategy("webhook_signal", "Signals by POST (TradingView)", PARAMETERS, candles_needed, read, listens=True)
