"""Market tasks: thin faces of the functions they call."""

import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from market.exchange.errors import ExchangeError
from market.symbols import warm_symbols
from market.types import Market

logger = logging.getLogger(__name__)


@shared_task(autoretry_for=(ExchangeError,), max_retries=5, retry_backoff=2, retry_backoff_max=60, retry_jitter=True)
def warmup_spot_symbols_cache() -> None:
    """Refresh the spot symbols of every environment that is switched on (features M2).

    One that is away keeps its last good rules, does not hold up the others, and is tried again.
    """
    failure: ExchangeError | None = None
    for environment in settings.ENVIRONMENTS:
        try:
            warm_symbols(environment, Market.SPOT, now=timezone.now())
        except ExchangeError as error:
            logger.warning("symbols of %s: the last good ones stay: %s", environment, error)
            failure = error
    if failure:
        raise failure
