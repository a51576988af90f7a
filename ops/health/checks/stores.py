"""Redis: the cache, and the broker with what waits in it."""

from datetime import datetime

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from ops.health.bounds import level_of, told
from ops.health.checks.mends import mend
from ops.health.findings import Finding, Level
from ops.queues import waiting_messages

SECONDS = 2.0
SLOW_QUEUES = ("analytics", "maintenance")  # where a task takes minutes and nobody waits for it


def cache(now: datetime) -> list[Finding]:
    """Asked by a connection of our own: those of the pool wait longer, and try again."""
    patience = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS, "retry": Retry(NoBackoff(), 0)}
    try:
        with Redis.from_url(settings.REDIS_URL, **patience) as redis:
            redis.ping()
    except (RedisError, OSError) as error:
        text = f"the cache (REDIS_URL) does not answer: {type(error).__name__}"
        return [Finding("cache", Level.CRITICAL, text, mend("Start it: manage.py redis_ping shows it.", "Redis away"))]
    return [Finding("cache", Level.OK, "the cache answers")]


def broker(now: datetime) -> list[Finding]:
    """Without it no task reaches a worker."""
    if waiting_messages() is None:
        text = "the broker (CELERY_BROKER_URL) does not answer: no task reaches a worker"
        advice = mend("Start it: manage.py redis_ping shows it.", "Broker away")
        return [Finding("broker", Level.CRITICAL, text, advice)]
    return [Finding("broker", Level.OK, "the broker answers")]


def queue(now: datetime) -> list[Finding]:
    """Since when the oldest message of each queue waits."""
    waiting = waiting_messages() or {}
    found = [_backlog(name, queue.depth, queue.oldest_seconds or 0.0) for name, queue in waiting.items()]
    late = [finding for finding in found if not finding.is_well]
    total = sum(queue.depth for queue in waiting.values())
    return late or [Finding("queue", Level.OK, f"{total:,} messages wait in all queues, none too long", value=total)]


def _backlog(name: str, depth: int, seconds: float) -> Finding:
    bounds = settings.HEALTH_SLOW_QUEUE_SECONDS if name in SLOW_QUEUES else settings.HEALTH_QUEUE_SECONDS
    level = level_of(seconds, bounds)
    text = f"{depth:,} messages wait in the queue {name}, the oldest for {seconds:.0f} s {told(bounds, ' s')}"
    advice = mend(f"Who takes from it: manage.py workers; add a worker for {name}.", "Queue backlog")
    return Finding("queue", level, text, advice, subject=name, value=round(seconds, 1))
