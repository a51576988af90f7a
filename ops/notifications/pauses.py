"""Servers that answer nobody are left alone for a while, so that a dead one costs one time-out and not one each time.

Kept in the cache: who forgets it tries once too often.
"""

import random
from datetime import datetime, timedelta

from django.core.cache import cache

from ops.models import Channel

MOST_SECONDS = 300
SHARED = (Channel.Kind.EMAIL, Channel.Kind.TELEGRAM)  # one server for everybody's


def paused_until(channel: Channel, *, now: datetime) -> datetime | None:
    """Until when nothing is tried by this way."""
    until, _ = cache.get(_key(channel)) or (None, 0)
    return until if until and until > now else None


def pause(channel: Channel, *, now: datetime) -> datetime:
    """Let nobody try for 2, 4, 8 … seconds; until when that is."""
    _, count = cache.get(_key(channel)) or (None, 0)
    until = now + timedelta(seconds=min(2 ** (count + 1), MOST_SECONDS) * random.uniform(0.75, 1.25))  # noqa: S311
    cache.set(_key(channel), (until, count + 1), timeout=2 * MOST_SECONDS)
    return until


def resume(channel: Channel) -> None:
    """It answers."""
    cache.delete(_key(channel))


def paused_kinds(*, now: datetime) -> list[str]:
    """The kinds whose one server is left alone."""
    keys = {f"notifications:pause:{kind.value}": kind.value for kind in SHARED}
    return [keys[key] for key, (until, _) in cache.get_many(keys).items() if until > now]


def _key(channel: Channel) -> str:
    whose = channel.kind if channel.kind in SHARED else f"channel:{channel.pk}"
    return f"notifications:pause:{whose}"
