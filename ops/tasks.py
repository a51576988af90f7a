"""Tasks of upkeep: thin faces of the services."""

from celery import shared_task
from django.utils import timezone

from ops import dead_letters


@shared_task
def keep_dead_letters() -> int:
    """Drop dead letters that are too old; how many they were."""
    return dead_letters.drop_old_letters(now=timezone.now())
