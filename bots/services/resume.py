"""A minute that was cut short: its tasks died with a worker, or Redis forgot them. The database knows which are gone.

Whatever is sent a second time finds that it has been done: evaluating changes nothing twice, and an act has its key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bots.models import BotConfig, Tick
from bots.parts import Part
from bots.services.evaluation import EXPIRES
from bots.services.tick import all_packets, run_all_active_bots

# By then a minute's tasks are done, unless they wait in a long queue.
DONE_AFTER = timedelta(seconds=10)


@dataclass(frozen=True)
class Missing:
    """What of a minute has to be sent again."""

    tick_id: int
    packets: Sequence[list[Part]] = ()
    bots: Sequence[int] = ()


def resume_minute(*, now: datetime) -> Missing | None:
    """What is missing of this minute, for one caller in so many seconds; None when nothing is, or it is too early."""
    slot = Tick.slot_of(now)
    if not DONE_AFTER <= now - slot <= EXPIRES:
        return None
    tick = Tick.objects.filter(slot=slot).first()
    if tick is None:  # beat's own message was lost
        return Missing(*run_all_active_bots(now=now))
    if (tick.resumed_at or tick.started_at) > now - DONE_AFTER:
        return None
    claimed = Tick.objects.filter(pk=tick.pk, resumed_at=tick.resumed_at).update(resumed_at=now)
    return Missing(tick.pk, [] if tick.finished_at else all_packets(), _silent(tick)) if claimed else None


def _silent(tick: Tick) -> list[int]:
    """The bots that had something to do and show no sign of a run since, exits first as they were sent."""
    due = BotConfig.objects.filter(pk__in=tick.due).exclude(state__changed_at__gte=tick.started_at)
    silent = set(due.exclude(position__orders__created_at__gte=tick.started_at).values_list("pk", flat=True))
    return [bot_id for bot_id in tick.due if bot_id in silent]
