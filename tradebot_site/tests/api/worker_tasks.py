"""Tasks that say something; `celery worker --include tradebot_site.tests.api.worker_tasks` loads them."""

import logging

from celery import shared_task

logger = logging.getLogger("ops.said")


@shared_task
def say(words: str, *, inner: str = "") -> None:
    """Say it, and have another task say what is within."""
    logger.warning("says %s", words)
    if inner:
        say.apply_async((inner,), queue="default")
