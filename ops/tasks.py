"""Tasks of upkeep: thin faces of the services."""

from celery import shared_task
from django.utils import timezone

from market.api.idempotency import drop_old_answers
from ops import dead_letters, tokens


@shared_task
def keep_dead_letters() -> int:
    """Drop dead letters that are too old; how many they were."""
    return dead_letters.drop_old_letters(now=timezone.now())


@shared_task
def keep_api_rows() -> dict[str, int]:
    """Drop answers to requests that nobody can repeat any more, and tokens that have expired; how many of each."""
    now = timezone.now()
    return {"answers": drop_old_answers(now=now), "tokens": tokens.drop_expired(now=now)}
