"""Candles that have closed, on their way into the shared copies.

A copy may have been written by somebody else in the meantime (a reader that could not wait), so it is replaced only if
it is still the one that was read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np
from django_redis import get_redis_connection

from market.candles import candles_key, keep_for
from market.feed.copies import HEADER, MS, Copy, Rows, StaleData, require_sound
from market.types import Series

# The header has the checksum: it stands for all of the copy.
REPLACE = """
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
TRIES = 3


@dataclass(frozen=True)
class Closed:
    """A candle that has closed."""

    series: Series
    row: Rows


class Misfit(Exception):
    """The candle does not continue the copy."""

    def __init__(self, why: str, *, whole: bool = False) -> None:
        super().__init__(why)
        self.whole = whole  # what the copy has is not to be trusted


def append_all(closed: Iterable[Closed]) -> list[tuple[Closed, Misfit]]:
    """Add the candles to the copies that lack just these; return those that do not fit: their series must be fetched.

    May raise RedisError.
    """
    left, misfits = list(closed), list[tuple[Closed, Misfit]]()
    for _ in range(TRIES):
        if left:
            left = _append(left, misfits)
    return misfits + [(each, Misfit("others write this series, too")) for each in left]


def _append(closed: list[Closed], misfits: list[tuple[Closed, Misfit]]) -> list[Closed]:
    """One try with the first candle of each series; return what is left, and what was written by others meanwhile."""
    firsts = {each.series: each for each in reversed(closed)}
    redis = get_redis_connection("default")
    found = cast("list[bytes | None]", redis.mget([candles_key(series) for series in firsts]))
    script, pipe, sent = redis.register_script(REPLACE), redis.pipeline(transaction=False), []
    for each, copy in zip(firsts.values(), found, strict=True):
        packed = copy or b""
        try:
            grown = _grown(each, packed)
        except Misfit as misfit:
            misfits.append((each, misfit))
            continue
        if grown:
            script([candles_key(each.series)], [packed[: HEADER.size], grown, keep_for(each.series) // MS], client=pipe)
            sent.append(each)
    beaten = [each for each, done in zip(sent, pipe.execute(), strict=True) if not done]
    return beaten + [each for each in closed if each is not firsts[each.series]]


def _grown(closed: Closed, packed: bytes) -> bytes:
    """The copy with the candle; empty when it has it already. Raise Misfit."""
    try:
        copy = Copy.unpack(packed, closed.series)
        require_sound(closed.row.reshape(1, -1), closed=closed.row.reshape(1, -1))
    except (ValueError, StaleData) as error:
        raise Misfit(str(error)) from error
    if copy.has_doubtful_gap:
        raise Misfit("candles are missing before it, and the exchange may have them by now")
    if closed.row[0] <= copy.newest_ms:
        if _is_known(copy, closed.row):
            return b""
        raise Misfit("the exchange has corrected a candle", whole=True)
    grown = copy.followed_by(closed.row)
    if grown is None:
        raise Misfit("candles are missing before it")
    return grown.pack()


def _is_known(copy: Copy, row: Rows) -> bool:
    """True for a candle that the copy has just so, or that is older than all of it."""
    at = int(np.searchsorted(copy.rows[:, 0], row[0]))
    return bool(row[0] < copy.rows[0, 0]) or bool(np.array_equal(copy.rows[at], row))
