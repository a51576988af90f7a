"""Which streams tell of a series, and at which addresses (../shared/spec/binance.md, sections 2.2 and 2.7). Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from market.types import Market, Series

# Binance allows 1,024 streams on one connection. Much fewer messages a second than one process can read come of these.
MOST_STREAMS = 1000
NAMES_PER_REQUEST = 200


@dataclass(frozen=True)
class Route:
    """An address and the kinds of streams that it carries."""

    path: str
    kinds: tuple[str, ...]


CANDLES, BEST = "kline", "bookTicker"
# Futures have an address for what the matching engine says itself, and one for what is made of it.
ROUTES = {
    Market.SPOT: (Route("/stream", (CANDLES, BEST)),),
    Market.FUTURES: (Route("/market/stream", (CANDLES,)), Route("/public/stream", (BEST,))),
}


def streams_of(series: Iterable[Series], route: Route) -> set[str]:
    """The names of the streams that tell of these series at one address."""
    return {name for each in series for name in _names(each, route)}


def candle_stream(series: Series) -> str:
    """The stream that tells of the candles of a series."""
    return f"{series.symbol.lower()}@{CANDLES}_{series.interval}"


def symbol_of(name: str) -> str:
    """Whom a stream is about."""
    return name.partition("@")[0].upper()


def in_requests(names: Iterable[str]) -> Iterator[list[str]]:
    """Cut into lists that one request may name."""
    ordered = sorted(names)
    for start in range(0, len(ordered), NAMES_PER_REQUEST):
        yield ordered[start : start + NAMES_PER_REQUEST]


def _names(series: Series, route: Route) -> Iterator[str]:
    if CANDLES in route.kinds:
        yield candle_stream(series)
    if BEST in route.kinds:
        yield f"{series.symbol.lower()}@{BEST}"
