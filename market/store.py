"""Data shared by all processes in Redis, fetched by one of them at a time."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from django_redis import get_redis_connection
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from market.hits import count_read

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Longer than a fetch with all its retries, so that a slow one is not doubled by those who wait for it.
FETCH_SECONDS = 30


def shared(key: str, *, read: Callable[[bytes], T | None], fetch: Callable[[], tuple[bytes, T]], keep: timedelta) -> T:
    """The value behind ``key`` if ``read`` takes it as fresh, else what ``fetch`` brings, by one process for all.

    ``read`` returns None for a copy that is too old. While Redis is away every process fetches for itself, once.
    Errors of ``fetch`` are the caller's.
    """
    try:
        value, lock = _value_or_lock(key, read)
    except RedisError:
        logger.warning("shared store: Redis does not answer; %s is fetched without it", key)
        return fetch()[1]
    count_read(key, hit=value is not None)
    if value is not None:
        return value
    if lock is None:
        return fetch()[1]
    try:
        packed, value = fetch()
        _put(key, packed, keep)
        return value
    finally:
        _release(lock, key)


def known(key: str, *, read: Callable[[bytes], T | None]) -> T | None:
    """The value behind ``key`` if ``read`` takes it as fresh; None also while Redis is away."""
    return known_many({key: read}).get(key)


def known_many(readers: Mapping[str, Callable[[bytes], T | None]]) -> dict[str, T]:
    """The values behind some keys, in one round trip: those that their readers take as fresh."""
    try:
        packed = get_redis_connection("default").mget(list(readers)) if readers else []
    except RedisError:
        return {}
    found = {}
    for (key, read), content in zip(readers.items(), packed, strict=True):
        value = _fresh(key, content, read)
        if value is not None:  # those who don't find it ask for it elsewhere, and are counted there
            count_read(key, hit=True)
            found[key] = value
    return found


def _value_or_lock(key: str, read: Callable[[bytes], T | None]) -> tuple[T | None, Lock | None]:
    """A fresh value, or the lock that lets us fetch it; neither when another process fetches for too long."""
    redis = get_redis_connection("default")
    value = _fresh(key, redis.get(key), read)
    if value is not None:
        return value, None
    lock = redis.lock(f"{key}:fetch", timeout=FETCH_SECONDS, blocking_timeout=FETCH_SECONDS, sleep=0.05)
    if not lock.acquire():
        return None, None
    value = _fresh(key, redis.get(key), read)  # another process may have brought it while we waited
    if value is None:
        return None, lock
    _release(lock, key)
    return value, None


def _fresh(key: str, packed: Any, read: Callable[[bytes], T | None]) -> T | None:
    if packed is None:
        return None
    try:
        return read(packed)
    except (ValueError, LookupError, TypeError, ArithmeticError):
        logger.warning("shared store: %s is unreadable and fetched anew", key)  # another version of us wrote it
        return None


def _put(key: str, packed: bytes, keep: timedelta) -> None:
    try:
        get_redis_connection("default").set(key, packed, px=keep)
    except RedisError:
        logger.warning("shared store: Redis does not answer; %s is not shared", key)


def _release(lock: Lock, key: str) -> None:
    try:
        lock.release()
    except LockError:
        logger.warning("shared store: fetching %s took longer than its lock", key)
    except RedisError:
        logger.warning("shared store: Redis does not answer; the lock of %s has to expire", key)
