"""Prices and candles brought up to date by REST: what no tick has asked for and no stream has told."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from market.candles import StaleData, closed_candles
from market.exchange.errors import ExchangeError, RateLimited
from market.prices import last_prices
from market.types import Clock, Series

logger = logging.getLogger(__name__)

# The next round comes after thirty seconds.
PATIENCE = timedelta(seconds=25)


def refresh_all(wanted: Iterable[Series], *, clock: Clock) -> int:
    """Refresh the prices of each market that is wanted, and the series whose copies are behind; how many are current.

    What the exchange does not give now is asked for in the next round: nothing is raised.
    """
    begun, current = clock(), 0
    by_market: dict[tuple[str, str], list[Series]] = defaultdict(list)
    for series in sorted(wanted):
        by_market[series.exchange].append(series)
    for (environment, market), series_of_it in by_market.items():
        try:
            last_prices(environment, market, now=clock())
            current += _refresh(series_of_it, clock, until=begun + PATIENCE)
        except ExchangeError as error:
            logger.warning("market data of %s %s: left to the next round: %s", environment, market, error)
    return current


def _refresh(wanted: list[Series], clock: Clock, *, until: datetime) -> int:
    """One series after the other. Raise RateLimited: then the others need not ask either."""
    current = 0
    for series in wanted:
        if clock() > until:
            logger.warning("market data: %d series are left to the next round", len(wanted) - current)
            break
        try:
            closed_candles(series, now=clock())
            current += 1
        except RateLimited:
            raise
        except (StaleData, ExchangeError) as error:
            logger.warning("candles %s: not refreshed: %s", series, error)
    return current
