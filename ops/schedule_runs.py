"""How each periodic task ended last, and how long it took: a line in Redis that workers write.

Celery keeps results of failures only. What Redis forgets is known again after the next run.
"""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from django_redis import get_redis_connection
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

KEY = "schedules:runs"


@dataclass(frozen=True)
class Run:
    """The last run of one periodic task. ``state`` is Celery's; ``error`` is empty after a success."""

    at: datetime
    seconds: float
    state: str
    error: str


def note_run(name: str, *, at: datetime, seconds: float, state: str, error: str) -> None:
    """Write down how a run ended."""
    line = {"at": at.isoformat(), "seconds": round(seconds, 3), "state": state, "error": error[:300]}
    try:
        get_redis_connection("default").hset(KEY, name, json.dumps(line))
    except RedisError as error_of_redis:
        logger.warning("schedule %s: how it ended is not written down: %s", name, error_of_redis)


def last_runs() -> dict[str, Run]:
    """By the name of the periodic task; nothing while Redis is away."""
    try:
        lines = get_redis_connection("default").hgetall(KEY)
    except RedisError:
        return {}
    return {name if isinstance(name, str) else name.decode(): _run(line) for name, line in lines.items()}


def _run(line: str | bytes) -> Run:
    told = json.loads(line)
    at = datetime.fromisoformat(told["at"]).astimezone(UTC)
    return Run(at, told["seconds"], told["state"], told["error"])
