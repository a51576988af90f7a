"""How much one caller may ask for: counted in Redis, for all processes together, in windows of a minute.

While Redis is away reads go on uncounted; what trades, and what tries passwords, is counted in this process instead.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Network, ip_address
from threading import Lock
from typing import Any

from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)
WINDOW = 60  # seconds
SILENT = 5  # seconds for which a Redis that did not answer is not asked again, for each try may take as long


class Counts:
    """What has been counted in this process alone, of the current window."""

    def __init__(self) -> None:
        self._lock, self._window, self._counted = Lock(), 0, dict[str, int]()

    def add(self, keys: Sequence[str], *, window: int) -> list[int]:
        """Count one more of each; return how many there are in this window."""
        with self._lock:
            if window != self._window:
                self._window, self._counted = window, {}
            for key in keys:
                self._counted[key] = self._counted.get(key, 0) + 1
            return [self._counted[key] for key in keys]


_own = Counts()
_asked_again_at = 0.0  # by time.monotonic()


def wait_of(limits: Mapping[str, int], *, must_count: bool) -> int | None:
    """Count one request under each key; seconds to wait if one is over its limit a minute, None if it may go on.

    ``must_count``: what is so harmful when repeated that it is counted here while Redis is away.
    """
    window, left = divmod(int(time.time()), WINDOW)
    counted = _counted(list(limits), window=window, must_count=must_count)
    is_over = any(count > limit for count, limit in zip(counted, limits.values(), strict=True))
    return WINDOW - left if is_over else None


def _counted(keys: list[str], *, window: int, must_count: bool) -> list[int]:
    global _asked_again_at
    if time.monotonic() >= _asked_again_at:
        try:
            return _counted_by_all(keys, window=window)
        except (RedisError, OSError) as error:
            logger.warning("throttles are not shared: Redis does not answer: %s", error)
            _asked_again_at = time.monotonic() + SILENT
    return _own.add(keys, window=window) if must_count else [0] * len(keys)


def _counted_by_all(keys: list[str], *, window: int) -> list[int]:
    """Raises RedisError, OSError."""
    pipeline = get_redis_connection("default").pipeline(transaction=False)
    for key in keys:
        name = f"throttle:{key}:{window}"
        pipeline.incr(name)
        pipeline.expire(name, 2 * WINDOW)
    return [int(count) for count in pipeline.execute()[::2]]


def address_key(address: str | None) -> str:
    """One key for what one caller can have as many of as he likes: of IPv6 a network of 64 bits."""
    if not address:
        return "none"
    ip = ip_address(address.partition("%")[0])  # without the name of a network card
    if isinstance(ip, IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:  # all of IPv4 lies in 64 bits of IPv6
        return str(ip.ipv4_mapped)
    return str(IPv6Network((int(ip), 64), strict=False).network_address)


class CallerThrottle(BaseThrottle):
    """Counts who is known: the user, the token, and apart from reads what the user does."""

    waits: int | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        limits = self._limits(request, view)
        self.waits = wait_of(limits, must_count=len(limits) > 2) if limits else None
        return self.waits is None

    def wait(self) -> float | None:
        return self.waits

    def _limits(self, request: Request, view: Any) -> dict[str, int]:
        if not (request.user and request.user.is_authenticated):
            return {}  # counted by address, in the middleware
        limits = {f"user:{request.user.pk}": settings.THROTTLE_USER}
        token = getattr(request.auth, "pk", None)
        limits[f"token:{token}" if token else f"session:{request.user.pk}"] = settings.THROTTLE_TOKEN
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            limits[f"acts:{request.user.pk}"] = settings.THROTTLE_ACTS
        return limits
