"""How far the exchange's clock is from ours, for each environment and market.

Two uses of this number must not be mixed up. The offset that orders are signed with (the adapter's timestamp_offset)
*compensates*: an order carries the exchange's time however wrong our clock is, so exits go on in any case. The check
here, 500 ms, asks whether our own notion of time may be *trusted* where nothing compensates: that a candle is closed,
how old a price and a signal are. An entry rests on those, so it needs a clock that is known and close.

A measurement belongs to the machine that made it (another one has another clock) and counts for three minutes. The task
`measure_clocks` makes one every minute; who finds none, or an old one, measures at once, which costs three light
requests. If the exchange can't be asked then, the clock is unknown and no entry is made.
"""

import logging
import platform
from datetime import datetime, timedelta

from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from market.exchange import public_gateway
from market.exchange.errors import ExchangeError
from market.models import ExchangeAccount
from market.store import shared
from market.types import milliseconds, moment_of

logger = logging.getLogger(__name__)

BOUND = timedelta(milliseconds=500)
MAX_AGE = timedelta(minutes=3)
# A second task within one minute finds this fresh enough.
RENEW_AFTER = timedelta(seconds=30)
SAMPLES = 3  # one of them may have been held up on its way
MS = timedelta(milliseconds=1)


def clock_trouble(environment: str, market: str, *, now: datetime) -> str:
    """Why our notion of time may not be trusted with an entry; empty when it may.

    May talk to the exchange, so it is never called while a row is locked.
    """
    try:
        return trouble_with(clock_offset(environment, market, now=now))
    except ExchangeError as error:
        return f"how far the exchange's clock is from ours can't be measured: {error}"


def trouble_with(offset: timedelta) -> str:
    """Judge an offset, the exchange's clock minus ours."""
    if abs(offset) <= BOUND:
        return ""
    direction = "ahead of" if offset > timedelta() else "behind"
    return f"the exchange's clock is {abs(offset) // MS} ms {direction} ours, {BOUND // MS} ms are allowed"


def clock_offset(environment: str, market: str, *, now: datetime, max_age: timedelta = MAX_AGE) -> timedelta:
    """The exchange's clock minus ours, measured at most ``max_age`` ago, else now. Raises ExchangeError."""

    def read(packed: bytes) -> timedelta | None:
        offset_ms, measured_ms = map(int, packed.split())
        # Measured in the future: our clock was set back since.
        return offset_ms * MS if abs(now - moment_of(measured_ms)) < max_age else None

    def fetch() -> tuple[bytes, timedelta]:
        offset = _measure(environment, market)
        return b"%d %d" % (offset // MS, milliseconds(now)), offset

    return shared(clock_key(environment, market), read=read, fetch=fetch, keep=2 * MAX_AGE)


def measure_clocks(*, now: datetime) -> int:
    """Measure the clocks of all markets that have an account; return how many answered."""
    answered = 0
    accounts = ExchangeAccount.objects.filter(environment__in=settings.ENVIRONMENTS)
    for environment, market in accounts.values_list("environment", "market").distinct().order_by():
        try:
            trouble = trouble_with(clock_offset(environment, market, now=now, max_age=RENEW_AFTER))
            answered += 1
        except ExchangeError as error:
            trouble = f"not measured: {error}"
        if trouble:
            logger.warning("clock of %s %s: %s", environment, market, trouble)
    return answered


def forget(environment: str, market: str) -> None:
    """Drop the measurement, because the exchange refused a moment of ours (-1021): the next check measures anew."""
    try:
        get_redis_connection("default").delete(clock_key(environment, market))
    except RedisError as error:
        # The next minute's measurement takes the place of the old one.
        logger.warning("clock of %s %s: not forgotten, Redis does not answer: %s", environment, market, error)


def clock_key(environment: str, market: str) -> str:
    """Where this machine's measurement is kept: offset and time in milliseconds. The budget's script reads it too."""
    return f"clock:{environment}:{market}:{platform.node()}"


def _measure(environment: str, market: str) -> timedelta:
    """The median of a few samples, in whole milliseconds."""
    gateway = public_gateway(environment, market)
    samples = sorted(gateway.clock_offset() for _ in range(SAMPLES))
    return round(samples[SAMPLES // 2] / MS) * MS
