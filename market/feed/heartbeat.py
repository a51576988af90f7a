"""What others may know of a feed: which series it brings and how it stands. It is forgotten when nobody renews it."""

import json
import os
import platform
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from market.types import Series

EVERY = timedelta(seconds=1)
KEEP = timedelta(seconds=5)


def is_streamed(series: Series) -> bool:
    """True while a feed brings each candle of the series when it closes."""
    try:
        return bool(
            get_redis_connection("default").sismember(_series_key(series.environment, series.market), _name(series))
        )
    except RedisError:
        return False


def heartbeat(environment: str, market: str) -> dict[str, Any] | None:
    """How the feed of an environment and market stands; None when there is none."""
    packed = get_redis_connection("default").get(_state_key(environment, market))
    return json.loads(packed) if packed else None


def beat(environment: str, market: str, *, live: Iterable[Series], state: dict[str, Any], now: datetime) -> None:
    """Tell that the feed lives, and which series it brings just now. May raise RedisError."""
    who = {"at": now.isoformat(), "pid": os.getpid(), "host": platform.node()}
    names = sorted(map(_name, live))
    key = _series_key(environment, market)
    pipe = get_redis_connection("default").pipeline()
    pipe.delete(key)
    if names:
        pipe.sadd(key, *names)
        pipe.pexpire(key, KEEP)
    pipe.set(_state_key(environment, market), json.dumps(who | {"series": names} | state), px=KEEP)
    pipe.execute()


def end(environment: str, market: str) -> None:
    """Tell that the feed is over. May raise RedisError."""
    get_redis_connection("default").delete(_series_key(environment, market), _state_key(environment, market))


def _name(series: Series) -> str:
    return f"{series.symbol}:{series.interval}"


def _series_key(environment: str, market: str) -> str:
    return f"feed:{environment}:{market}:series"


def _state_key(environment: str, market: str) -> str:
    return f"feed:{environment}:{market}"
