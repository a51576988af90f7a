"""A task that costs nothing; `celery worker --include tests.counting_tasks` loads it."""

import logging

from celery import shared_task

logger = logging.getLogger("tests.counting")


@shared_task
def nothing(number: int) -> None:
    """Do nothing, and now and then say that it went wrong."""
    if number % 100 == 0:
        logger.error("number %s", number)
