"""A task that takes its time; `celery worker --include tests.slow_tasks` loads it."""

from contextlib import suppress

from celery import shared_task

from ops.stack.testing import wait_until


@shared_task
def take_time(*args: object, **kwargs: object) -> None:
    """Be at work for half a minute, whatever is told."""
    with suppress(AssertionError):
        wait_until(lambda: False, timeout=30)
