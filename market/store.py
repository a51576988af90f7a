"""Data shared by all processes in Redis, fetched by one of them at a time."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django_redis import get_redis_connection
from redis.exceptions import LockError, RedisError

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Longer than a fetch with all its retries, so that a slow one is not doubled by those who wait for it.
FETCH_SECONDS = 30


def shared(key: str, *, read: Callable[[bytes], T | None], fetch: Callable[[], tuple[bytes, T]], keep: timedelta) -> T:
    """The value behind ``key`` if ``read`` takes it as fresh, else what ``fetch`` brings, by one process for all.

    ``read`` returns None for a copy that is too old. While Redis is away every process fetches for itself.
    Errors of ``fetch`` are the caller's.
    """
    try:
        return _single_flight(key, read=read, fetch=fetch, keep=keep)
    except RedisError:
        logger.warning("shared store: Redis does not answer; %s is fetched without it", key)
        return fetch()[1]


def _single_flight(
    key: str, *, read: Callable[[bytes], T | None], fetch: Callable[[], tuple[bytes, T]], keep: timedelta
) -> T:
    redis = get_redis_connection("default")
    value = _fresh(redis.get(key), read)
    if value is not None:
        return value
    lock = redis.lock(f"{key}:fetch", timeout=FETCH_SECONDS, blocking_timeout=FETCH_SECONDS, sleep=0.05)
    if not lock.acquire():
        return fetch()[1]
    try:
        value = _fresh(redis.get(key), read)  # another process may have brought it while we waited
        if value is None:
            packed, value = fetch()
            redis.set(key, packed, px=keep)
        return value
    finally:
        try:
            lock.release()
        except LockError:
            logger.warning("shared store: fetching %s took longer than its lock", key)


def _fresh(packed: Any, read: Callable[[bytes], T | None]) -> T | None:
    return read(packed) if packed is not None else None
