"""Data shared by all processes in Redis, fetched by one of them at a time."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from django_redis import get_redis_connection
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from market.hits import count_read
from market.patience import at_most

logger = logging.getLogger(__name__)
T = TypeVar("T")

# How long a fetch is waited for: longer than one with all its retries.
FETCH_SECONDS = 30
# So long after it began one of those who wait fetches too, and the next so long after that. Who began may have been
# killed, and may hang where another gets an answer; a price that took 10 s is too old for an entry. A fetch that all
# goes well with takes less, and a slow exchange is asked once more each time, not by all at once.
TAKE_OVER_SECONDS = 4.0


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
    except BaseException:
        _release(lock, key)
        raise
    _hand_out(key, packed, keep)
    return value


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
    """A fresh value, or the lock that lets us fetch it; neither when others fetch for too long."""
    redis = get_redis_connection("default")
    value = _fresh(key, redis.get(key), read)
    if value is not None:
        return value, None
    wait = at_most(FETCH_SECONDS)
    lock = redis.lock(_lock_key(key), timeout=TAKE_OVER_SECONDS, blocking_timeout=wait, sleep=0.05)
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


def _hand_out(key: str, packed: bytes, keep: timedelta) -> None:
    """Share what was brought, and let all go who wait for it: also for one who has begun after us."""
    try:
        pipe = get_redis_connection("default").pipeline()
        pipe.set(key, packed, px=keep)
        pipe.delete(_lock_key(key))
        pipe.execute()
    except RedisError:
        logger.warning("shared store: Redis does not answer; %s is not shared, and its lock has to expire", key)


def _lock_key(key: str) -> str:
    return f"{key}:fetch"


def _release(lock: Lock, key: str) -> None:
    try:
        lock.release()
    except LockError:
        logger.warning("shared store: fetching %s took so long that another began, too", key)
    except RedisError:
        logger.warning("shared store: Redis does not answer; the lock of %s has to expire", key)
