"""What the two Redis servers tell: the cache of workers, feed and request weight; the broker of what waits."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django_redis import get_redis_connection

from market.feed.leading import is_led
from ops.liveness import unserved_queues, workers
from ops.metrics.state import exchange
from ops.metrics.state.gauges import (
    QUEUE_MESSAGES,
    QUEUE_OLDEST,
    QUEUE_WORKERS,
    REDIS_MEMORY,
    UP,
    WORKER_AGE,
    Reading,
)
from ops.metrics.state.lanes import Away, Lane
from ops.queues import broker_memory, waiting_messages


def cache_memory(now: datetime) -> Iterator[Reading]:
    """Bytes."""
    yield REDIS_MEMORY.at(get_redis_connection("default").info("memory")["used_memory"], "cache")


def living(now: datetime) -> Iterator[Reading]:
    """Workers, and how many of them each queue has; they are up when each queue has one."""
    known = workers(now=now)
    if known is None:
        raise Away("nobody knows which workers live")
    yield UP.at(not unserved_queues(known, now=now), "workers")
    yield from (WORKER_AGE.at(max((now - it.seen_at).total_seconds(), 0), it.name) for it in known)
    served = Counter(queue for it in known if not it.is_silent(now) for queue in it.queues)
    yield from (QUEUE_WORKERS.at(served[queue], queue) for queue in settings.CELERY_TASK_QUEUES)


def feed(now: datetime) -> Iterator[Reading]:
    """Whether a stream process is at work."""
    yield UP.at(is_led(), "feed")


def queues(now: datetime) -> Iterator[Reading]:
    """What waits; 0 seconds for a queue in which nothing does."""
    found = waiting_messages()
    if found is None:
        raise Away("the broker does not answer")
    for name, waiting in found.items():
        yield QUEUE_MESSAGES.at(waiting.depth, name)
        if waiting.oldest_seconds is not None or not waiting.depth:
            yield QUEUE_OLDEST.at(waiting.oldest_seconds or 0, name)


def memory_of_broker(now: datetime) -> Iterator[Reading]:
    """Bytes."""
    yield REDIS_MEMORY.at(broker_memory(), "broker")


CACHE = Lane("cache", (cache_memory, living, feed, exchange.weight))
BROKER = Lane("broker", (queues, memory_of_broker))
