"""One stream process leads; a second one stands by, and takes over when the first has ended or died."""

import logging
from datetime import timedelta

from django_redis import get_redis_connection
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

logger = logging.getLogger(__name__)

KEY = "feed:leader"
TTL = timedelta(seconds=8)
RENEW_EVERY = timedelta(seconds=1)


def is_led() -> bool:
    """Whether some stream process is at work. May raise RedisError."""
    return bool(get_redis_connection("default").exists(KEY))


class Leadership:
    """The right to write what the streams tell. All methods talk to Redis, and none of them raises."""

    def __init__(self) -> None:
        self._lock: Lock | None = None

    def take_or_keep(self, *, leads: bool) -> bool:
        """Renew the right, or take it if nobody has it.

        While Redis is away things stay as they are: nobody else can take it either.
        """
        try:
            return self._renew() or self._take()
        except RedisError as error:
            logger.warning("market stream: Redis does not answer: %s", error)
            return leads

    def give_up(self) -> None:
        """Let another one lead at once."""
        try:
            if self._lock is not None:
                self._lock.release()
        except (LockError, RedisError) as error:
            logger.warning("market stream: the lead is not given back: %s", error)
        self._lock = None

    def _renew(self) -> bool:
        try:
            return self._lock is not None and bool(self._lock.reacquire())
        except LockError:  # it ran out, or Redis has forgotten it
            self._lock = None
            return False

    def _take(self) -> bool:
        lock = get_redis_connection("default").lock(KEY, timeout=TTL.total_seconds(), thread_local=False)
        if not lock.acquire(blocking=False):
            return False
        self._lock = lock
        return True
