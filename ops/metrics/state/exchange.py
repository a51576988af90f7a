"""What the exchanges allow, and how old is what they have told us."""

from collections.abc import Iterator
from datetime import datetime
from itertools import product

from django.conf import settings

from bots.services.wanted import candles_overdue
from market.budget import usage
from market.symbols import symbols_refreshed_at
from market.types import Market
from ops.metrics.state.gauges import (
    MARKET_DATA_AGE,
    SILENT_SECONDS,
    SYMBOLS_AGE,
    WEIGHT_LIMIT,
    WEIGHT_USED,
    Reading,
)


def market_data(now: datetime) -> Iterator[Reading]:
    """Of those markets on which bots are active."""
    for place, overdue in candles_overdue(now=now).items():
        yield MARKET_DATA_AGE.at(overdue.total_seconds(), *place)


def symbols(now: datetime) -> Iterator[Reading]:
    """Of those markets of which there are any."""
    for place, at in symbols_refreshed_at().items():
        yield SYMBOLS_AGE.at((now - at).total_seconds(), *place)


def weight(now: datetime) -> Iterator[Reading]:
    """How this minute stands; without silence it is 0 seconds."""
    for place in product(settings.ENVIRONMENTS, Market):
        if (spent := usage(*place, now=now)) is not None:
            yield WEIGHT_USED.at(spent.used, *place)
            yield WEIGHT_LIMIT.at(spent.limit, *place)
            silent = (spent.silent_until - now).total_seconds() if spent.silent_until else 0
            yield SILENT_SECONDS.at(max(silent, 0), *place)


DATABASE_READS = (market_data, symbols)
