"""Stream names: what a client subscribes to, and what that means. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from market.paper.engine.types import Market

Route = Literal["public", "market", "private"]

# Binance's update speeds; 0: every step. Futures serve candles faster than spot does.
SPOT_PERIODS = {
    "kline": 2000, "bookTicker": 0, "miniTicker": 1000, "ticker": 1000, "aggTrade": 0, "trade": 0, "avgPrice": 1000,
    "depth": 1000, "!miniTicker@arr": 1000,
}  # fmt: skip
FUTURES_PERIODS = {
    "kline": 250, "continuousKline": 250, "bookTicker": 0, "miniTicker": 500, "ticker": 2000, "aggTrade": 0, "trade": 0,
    "markPrice": 3000, "depth": 250, "!bookTicker": 5000, "!miniTicker@arr": 1000, "!ticker@arr": 1000,
    "!markPrice@arr": 3000,
}  # fmt: skip
PERIODS: dict[Market, dict[str, int]] = {"spot": SPOT_PERIODS, "futures": FUTURES_PERIODS}
SPEEDS = {"@100ms": 0, "@250ms": 250, "@500ms": 500, "@1000ms": 1000, "@1s": 1000}
INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
# What the matching engine pushes itself; everything else comes from aggregators, over another address.
PUBLIC_KINDS = ("bookTicker", "!bookTicker", "depth", "trade")

ALL = re.compile(r"(!(?:miniTicker|ticker|markPrice)@arr|!bookTicker)(@1s)?")
CANDLES = re.compile(r"([^@]+)@(kline|continuousKline)_(\w+)")
DEPTH = re.compile(r"([^@]+)@depth(5|10|20|)(@\d+ms)?")
OTHER = re.compile(r"([^@]+)@(bookTicker|miniTicker|ticker|aggTrade|trade|avgPrice|markPrice)(@1s)?")
PERPETUAL = "_perpetual"


@dataclass(frozen=True, slots=True)
class Stream:
    """One market stream. ``symbol`` is empty for streams of all symbols; ``levels`` is 0 for a diff depth stream."""

    market: Market
    name: str
    kind: str
    symbol: str = ""
    interval: str = ""
    levels: int = 0
    period_ms: int = 0

    @property
    def route(self) -> Route:
        """Which of the routed futures addresses carries it."""
        return "public" if self.kind in PUBLIC_KINDS else "market"


def stream_of(market: Market, name: str, symbols: Collection[str]) -> Stream | None:
    """What a name means, None when it means nothing. Symbols are lower case in names, as on Binance."""
    if match := ALL.fullmatch(name):
        return _stream(market, name, match[1], speed=match[2])
    if match := CANDLES.fullmatch(name):
        return _candles(market, match, symbols)
    if match := DEPTH.fullmatch(name):
        return _stream(market, name, "depth", _symbol(match[1], symbols), speed=match[3], levels=int(match[2] or 0))
    if match := OTHER.fullmatch(name):
        return _stream(market, name, match[2], _symbol(match[1], symbols), speed=match[3])
    return None


def _candles(market: Market, match: re.Match[str], symbols: Collection[str]) -> Stream | None:
    place, kind, interval = match.groups()
    if kind == "continuousKline":
        if not place.endswith(PERPETUAL):
            return None
        place = place.removesuffix(PERPETUAL)
    if interval not in INTERVALS or (interval == "1s" and market == "futures"):
        return None
    return _stream(market, match[0], kind, _symbol(place, symbols), interval=interval)


def _stream(
    market: Market,
    name: str,
    kind: str,
    symbol: str = "",
    *,
    speed: str | None = None,
    interval: str = "",
    levels: int = 0,
) -> Stream | None:
    """The stream, None when the market has none of that kind, symbol or speed."""
    usual = PERIODS[market].get(kind)
    if usual is None or bool(symbol) == kind.startswith("!") or (speed == "@1s" and "markPrice" not in kind):
        return None
    if interval == "1s":
        usual = 1000
    elif speed:
        if speed not in SPEEDS:
            return None
        usual = SPEEDS[speed]
    return Stream(market, name, kind, symbol, interval, levels, usual)


def _symbol(place: str, symbols: Collection[str]) -> str:
    """The symbol of a name's first part, empty when there is none."""
    symbol = place.upper()
    return symbol if place == place.lower() and symbol in symbols else ""
