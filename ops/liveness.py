"""Which workers live, told by themselves: each writes a line into Redis every few seconds. Nobody is asked.

A worker that ends takes its line away, one that dies leaves it behind, so that people see that it fell silent.
"""

import json
import logging
import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.conf import settings
from django_celery_beat.models import PeriodicTask
from django_redis import get_redis_connection
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

KEY = "workers"
PROCESSES = "processes"
EVERY_SECONDS = 5.0
# Without Redis: a worker must not wait for it with every beat of its heart. Shorter than what counts as silent.
PAUSE_SECONDS = 10.0
SILENT_AFTER = timedelta(seconds=20)
FORGOTTEN_AFTER = timedelta(hours=1)
# The busiest schedules are due every 5 s.
BEAT_LATE_AFTER = timedelta(seconds=30)

_next_at = 0.0
_since: datetime | None = None  # when this process first told of a worker


@dataclass(frozen=True)
class Worker:
    """One worker as it last spoke of itself."""

    name: str
    queues: list[str]
    seen_at: datetime
    pid: int | None = None
    since: datetime | None = None  # when it first said so

    @property
    def host(self) -> str:
        return self.name.partition("@")[2]

    def is_silent(self, now: datetime) -> bool:
        return now - self.seen_at > SILENT_AFTER


def tell_of_worker(name: str, queues: Collection[str], *, now: datetime) -> None:
    """Say that this worker lives; at most every few seconds, whatever comes."""
    global _next_at, _since
    if monotonic() < _next_at:
        return
    _next_at = monotonic() + EVERY_SECONDS
    _since = _since or now
    told = {"at": now.isoformat(), "queues": sorted(queues), "pid": os.getpid(), "since": _since.isoformat()}
    line = json.dumps(told)
    try:
        get_redis_connection("default").hset(KEY, name, line)
    except RedisError as error:
        _next_at = monotonic() + PAUSE_SECONDS
        logger.warning("worker %s: nobody sees that it lives: %s", name, error)


def forget_worker(name: str) -> None:
    """A worker that ends in peace is not missed."""
    try:
        get_redis_connection("default").hdel(KEY, name)
    except RedisError as error:
        logger.warning("worker %s: it will be taken for dead: %s", name, error)


def workers(*, now: datetime) -> list[Worker] | None:
    """Those that live, and those that fell silent within the hour; None while Redis is away."""
    try:
        lines = get_redis_connection("default").hgetall(KEY)
    except RedisError:
        return None
    found = [_worker(name, line) for name, line in lines.items()]
    return sorted((worker for worker in found if now - worker.seen_at < FORGOTTEN_AFTER), key=lambda it: it.name)


def unserved_queues(found: list[Worker], *, now: datetime) -> list[str]:
    """Queues that no living worker takes from."""
    served = {queue for worker in found if not worker.is_silent(now) for queue in worker.queues}
    return [name for name in settings.CELERY_TASK_QUEUES if name not in served]


def tell_of_process(name: str, now: datetime) -> None:
    """Say that a process of ours lives which is no worker; its loop calls this, every few seconds."""
    try:
        get_redis_connection("default").hset(PROCESSES, name, now.isoformat())
    except RedisError as error:
        logger.warning("%s: nobody sees that it lives: %s", name, error)


def process_seen_at(name: str) -> datetime | None:
    """When it last said so; None: never. May raise RedisError."""
    told = get_redis_connection("default").hget(PROCESSES, name)
    if told is None:
        return None
    return datetime.fromisoformat(told if isinstance(told, str) else told.decode()).astimezone(UTC)


def beat_seen_at() -> datetime | None:
    """When beat last sent something: it writes that down with each schedule."""
    newest = PeriodicTask.objects.exclude(last_run_at=None).order_by("-last_run_at")
    return newest.values_list("last_run_at", flat=True).first()


def _worker(name: str | bytes, line: str | bytes) -> Worker:
    told = json.loads(line)
    text = name if isinstance(name, str) else name.decode()
    since = datetime.fromisoformat(told["since"]).astimezone(UTC) if "since" in told else None
    return Worker(text, told["queues"], datetime.fromisoformat(told["at"]).astimezone(UTC), told.get("pid"), since)
