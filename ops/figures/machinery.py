"""The tick, queues, workers, beat, and what the exchanges allow."""

from datetime import datetime
from typing import Any

from bots.models import Decision
from market.models import ExchangeAccount
from ops.figures.sharing import remembered
from ops.liveness import BEAT_LATE_AFTER, beat_seen_at, unserved_queues, workers
from ops.models import DeadLetter
from ops.queues import waiting_messages
from ops.statistics import last_tick, request_weight, ticks_doubled, ticks_missed
from trades.models import Order

SECONDS = 3.0


def machinery(*, now: datetime) -> dict[str, Any]:
    """How the machinery stands. What can't be known is None: no tick yet, no broker, no Redis."""
    found: dict[str, Any] = remembered("machinery", None, lambda: _look(now), seconds=SECONDS)
    return found


def _look(now: datetime) -> dict[str, Any]:
    known, beat_at, waiting = workers(now=now), beat_seen_at(), waiting_messages()
    return {
        "tick": _tick(),
        "missed": ticks_missed(now),
        "doubled": ticks_doubled(now),
        "queues": waiting and {name: list(queue) for name, queue in waiting.items()},
        "workers": known and [{"name": it.name, "seen_at": it.seen_at, "silent": it.is_silent(now)} for it in known],
        "unserved": None if known is None else unserved_queues(known, now=now),
        "beat_at": beat_at,
        "beat_late": beat_at is None or now - beat_at > BEAT_LATE_AFTER,
        "weight": request_weight(now),
        "dead_letters": DeadLetter.objects.filter(state=DeadLetter.State.WAITING).count(),
        "cooling": ExchangeAccount.objects.filter(cooldown_until__gt=now).count(),
    }


def _tick() -> dict[str, Any] | None:
    """The last tick that ended, with what it and what it set off have written down."""
    tick = last_tick()
    if tick is None or tick.duration is None:
        return None
    return {
        "at": tick.started_at,
        "seconds": tick.duration.total_seconds(),
        "bots": tick.bots,
        "acting": tick.acting,
        "decisions": Decision.objects.filter(created_at__gte=tick.started_at).count(),
        "orders": Order.objects.filter(created_at__gte=tick.started_at).count(),
    }
