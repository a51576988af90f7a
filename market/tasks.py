"""Market tasks: thin faces of the functions they call."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from market.exchange.errors import ExchangeError
from market.symbols import warm_symbols
from market.types import Market


@shared_task(autoretry_for=(ExchangeError,), max_retries=5, retry_backoff=2, retry_backoff_max=60, retry_jitter=True)
def warmup_spot_symbols_cache() -> None:
    """Refresh the spot symbols of every environment that is switched on (features M2)."""
    for environment in settings.ENVIRONMENTS:
        warm_symbols(environment, Market.SPOT, now=timezone.now())
