"""How much weight a minute has, as exchangeInfo says."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from market.budget.budget import budget_of
from market.exchange import public_gateway
from market.exchange.errors import ExchangeError

logger = logging.getLogger(__name__)


def learn_limit(environment: str, market: str) -> None:
    """Ask the exchange how much weight a minute has. If it does not say, what is known stays."""
    try:
        budget_of(environment, market).set_limit(public_gateway(environment, market).weight_limit())
    except ExchangeError as error:
        logger.warning("budget of %s %s: the last limit stays: %s", environment, market, error)


def weight_per_minute(rate_limits: Iterable[Mapping[str, Any]]) -> int:
    """The request weight per minute out of exchangeInfo's rateLimits. Raise ValueError when it is not there."""
    for row in rate_limits:
        kind = (row["rateLimitType"], row["interval"], row["intervalNum"])
        if kind == ("REQUEST_WEIGHT", "MINUTE", 1) and row["limit"] > 0:
            return int(row["limit"])
    raise ValueError("the exchange names no limit of request weight per minute")
