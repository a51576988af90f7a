"""Bot tasks: thin faces of the services. The queues are in settings.CELERY_TASK_ROUTES."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from bots import services
from bots.models import BotConfig
from bots.services.tick import EXPIRES, Part

EXPIRES_SECONDS = EXPIRES.total_seconds()


@shared_task
def run_all_active_bots() -> None:
    """Claim this minute and send one task for each packet of series (features T1)."""
    tick_id, packets = services.run_all_active_bots(now=timezone.now())
    for packet in packets:
        parts = [part.as_json() for part in packet]
        evaluate_series.apply_async(args=(tick_id, parts), expires=EXPIRES_SECONDS)


@shared_task
def evaluate_series(tick_id: int, parts: list[dict[str, Any]]) -> None:
    """Decide for the bots of some series; those with something to do get a task of their own, exits first."""
    entries: list[int] = []
    for part in parts:
        evaluated = services.evaluate_part(Part.from_json(part), tick_id=tick_id, now=timezone.now())
        for bot_id in evaluated.exits:
            run_bot.apply_async(args=(bot_id,), expires=EXPIRES_SECONDS)
        entries += evaluated.entries
    for bot_id in entries:
        run_bot.apply_async(args=(bot_id,), expires=EXPIRES_SECONDS)


@shared_task
def run_bot(bot_id: int) -> str:
    """Run one bot. A busy one is skipped at once (features T2)."""
    try:
        outcome = services.run_bot(bot_id, now=timezone.now())
    except services.BotBusy:
        return "skipped (locked)"
    except BotConfig.DoesNotExist:
        return "skipped (deleted)"
    return f"{outcome.decision.status}: {outcome.decision.text}"


@shared_task
def reactivate_bots_after_reset() -> None:
    """A nudge at midnight: every run computes its bot's day itself, so a missed one loses nothing (features T12)."""
    run_all_active_bots.delay()
