"""Market tasks: thin faces of the functions they call."""

import logging
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from market import clock, order_book
from market.budget import Priority, learn_limit, spending_as
from market.exchange.errors import ExchangeError
from market.symbols import warm_symbols
from market.types import Market

logger = logging.getLogger(__name__)


# Features M2: at most five further tries, each later than the one before.
RETRIES: dict[str, Any] = {
    "autoretry_for": (ExchangeError,),
    "max_retries": 5,
    "retry_backoff": 2,
    "retry_backoff_max": 60,
    "retry_jitter": True,
}


@shared_task(**RETRIES)
@spending_as(Priority.WARM_UP)
def warmup_spot_symbols_cache() -> None:
    """Refresh the spot symbols of every environment that is switched on."""
    _warm_symbols_everywhere(Market.SPOT)


@shared_task(**RETRIES)
@spending_as(Priority.WARM_UP)
def warmup_futures_symbols_cache() -> None:
    """Refresh the futures symbols of every environment that is switched on."""
    _warm_symbols_everywhere(Market.FUTURES)


def _warm_symbols_everywhere(market: Market) -> None:
    """An environment that is away keeps its last good rules, does not hold up the others, and is tried again."""
    failure: ExchangeError | None = None
    for environment in settings.ENVIRONMENTS:
        try:
            warm_symbols(environment, market, now=timezone.now())
            learn_limit(environment, market)
        except ExchangeError as error:
            logger.warning("symbols of %s %s: the last good ones stay: %s", environment, market, error)
            failure = error
    if failure:
        raise failure


@shared_task
@spending_as(Priority.ENTRIES)  # entries alone need to know
def measure_clocks() -> None:
    """Measure how far the exchanges' clocks are from ours (market/clock.py)."""
    clock.measure_clocks(now=timezone.now())


@shared_task(ignore_result=False)
@spending_as(Priority.LOOKS)
def process_order_book(environment: str, market: str, symbol: str) -> dict[str, Any]:
    """The order book of a symbol (features M6), asked for once for all who want it within a second.

    It lies in the cache for the API and the command of the same name, and is the result of the task.
    """
    return order_book.told(order_book.order_book(environment, market, symbol, now=timezone.now()))
