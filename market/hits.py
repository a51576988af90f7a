"""How often shared market data was there when somebody looked, and how often it had to be fetched (features M3).

Counted in each process and added up in Redis every few seconds: a look must not cost a round trip more for it. What a
process has not handed over when it ends is lost.
"""

import os
from collections import Counter
from threading import Lock
from time import monotonic

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from market.metrics import MARKET_READS

KEY = "market:reads"
HAND_OVER_SECONDS = 5.0

_lock = Lock()
_counted: Counter[str] = Counter()
_handed_over_at = monotonic()
os.register_at_fork(after_in_child=_counted.clear)  # the parent hands over its own


def count_read(key: str, *, hit: bool) -> None:
    """Count one look at the shared data behind ``key``, whose first word says what it is."""
    global _handed_over_at
    kind = key.partition(":")[0]
    MARKET_READS.inc(kind=kind, outcome="hit" if hit else "miss")
    with _lock:
        _counted[f"{kind}:{'hits' if hit else 'misses'}"] += 1
        if monotonic() - _handed_over_at < HAND_OVER_SECONDS:
            return
        _handed_over_at = monotonic()
        due = dict(_counted)
        _counted.clear()
    _hand_over(due)


def reads() -> dict[str, dict[str, int]] | None:
    """Hits and misses of all processes by what was looked for; None while Redis is away."""
    try:
        found = get_redis_connection("default").hgetall(KEY)
    except RedisError:
        return None
    sums: dict[str, dict[str, int]] = {}
    for name, count in sorted(found.items()):
        kind, outcome = (name if isinstance(name, str) else name.decode()).split(":")
        sums.setdefault(kind, {"hits": 0, "misses": 0})[outcome] = int(count)
    return sums


def _hand_over(due: dict[str, int]) -> None:
    try:
        pipe = get_redis_connection("default").pipeline(transaction=False)
        for name, count in due.items():
            pipe.hincrby(KEY, name, count)
        pipe.execute()
    except RedisError:
        with _lock:
            _counted.update(due)
