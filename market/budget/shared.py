"""The counter that all processes share, in Redis: one script looks, decides and counts, so that no two spend the same.

FLUSHALL loses nothing for long: each call brings along what its process knows, and the headers tell the rest.
"""

import logging
from datetime import timedelta
from time import monotonic, time

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from market.budget.own import Answer, Own
from market.clock import clock_key

logger = logging.getLogger(__name__)

# A Redis that hangs costs each call a time-out, so after one nobody asks it for a while.
PAUSE = timedelta(seconds=5)

# The minute is the exchange's: our clock with the offset that was measured. A limit that Redis has was read from the
# exchange; without one it is what the process knows.
SPEND = """
local weight, share, our_clock = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local known_limit, known_window, known_used, known_silence =
    tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

local offset = tonumber(string.match(redis.call('GET', KEYS[4]) or '', '^%-?%d+')) or 0
local now = our_clock + offset
local window = math.floor(now / 60000)
local counter = redis.call('HMGET', KEYS[1], 'window', 'used')
local seen, used = tonumber(counter[1] or 0), tonumber(counter[2] or 0)
if seen == window + 1 then
    window = seen -- another clock is a moment ahead: a minute that has begun does not end again
elseif seen ~= window then
    used = 0
end
if known_window == window then used = math.max(used, known_used) end

local silence = math.max(redis.call('PTTL', KEYS[3]), 0)
if known_silence > silence then
    silence = known_silence
    redis.call('SET', KEYS[3], '', 'PX', silence)
end

local limit = tonumber(redis.call('GET', KEYS[2]) or known_limit)
-- Even a call that weighs nothing is refused when nothing is left.
local granted = silence == 0 and used + math.max(weight, 1) <= math.floor(limit * share / 100)
if granted then used = used + weight end
redis.call('HSET', KEYS[1], 'window', window, 'used', used)
redis.call('PEXPIRE', KEYS[1], 120000)
return {granted and 1 or 0, used, limit, window, (window + 1) * 60000 - now, silence}
"""


class Shared:
    """The counter of one environment and market. While Redis is away its answers are None."""

    def __init__(self, environment: str, market: str) -> None:
        prefix = f"budget:{environment}:{market}"
        self._limit_key = f"{prefix}:limit"
        self._keys = (prefix, self._limit_key, f"{prefix}:silence", clock_key(environment, market))
        self._ask_again_at = 0.0

    def take(self, weight: int, share: int, own: Own) -> Answer | None:
        """Spend, if there is room; tell Redis in any case what this process knows. With no share it only tells."""
        asked_at = monotonic()
        if asked_at < self._ask_again_at:
            return None
        silence_ms = int(max(own.silent_until - asked_at, 0) * 1000)
        arguments = (weight, share, int(time() * 1000), own.limit, own.window, own.used, silence_ms)
        try:
            script = get_redis_connection("default").register_script(SPEND)
            granted, used, limit, window, left_ms, silence_ms = script(keys=self._keys, args=arguments)
        except RedisError as error:
            self._note_absence(error)
            return None
        # Counted from before the question: a silence that is passed on must not grow by the way to Redis and back.
        silent_until = asked_at + silence_ms / 1000 if silence_ms else 0.0
        return Answer(bool(granted), used, limit, window, asked_at + left_ms / 1000, silent_until)

    def set_limit(self, weight: int) -> None:
        """Let all processes know what the exchange says that a minute has."""
        try:
            get_redis_connection("default").set(self._limit_key, weight)
        except RedisError as error:
            self._note_absence(error)

    def _note_absence(self, error: RedisError) -> None:
        self._ask_again_at = monotonic() + PAUSE.total_seconds()
        logger.warning("%s: Redis does not answer, this process counts alone: %s", self._keys[0], error)
