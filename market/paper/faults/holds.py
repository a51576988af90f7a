"""What faults hold of the market: prices, books, statuses. Of several holds on one thing the last that began counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from market.paper.faults.kinds import Thing
from market.paper.faults.markets import Depth, Price

if TYPE_CHECKING:
    from market.paper.exchange import Exchange

Key = tuple[str, str, Thing]  # market, symbol, thing


class Holds:
    """Nothing of this reaches the ledger, so that a restart ends it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._held: dict[Key, dict[int, Any]] = {}
        self._statuses: dict[Key, str] = {}  # as they were before

    def hold(self, number: int, key: Key, value: Any, now_ms: int) -> None:
        """Let fault ``number`` hold something."""
        if key not in self._held and key[2] == "status":
            self._statuses[key] = self._exchange.venues[key[0]].engine.statuses[key[1]]
        self._held.setdefault(key, {})[number] = value
        self._apply(key, value, now_ms)

    def release(self, number: int, now_ms: int) -> None:
        """Let go of everything that fault ``number`` holds; what another one holds of it counts again."""
        for key in [key for key, values in self._held.items() if number in values]:
            values = self._held[key]
            del values[number]
            if values:
                self._apply(key, list(values.values())[-1], now_ms)
            else:
                del self._held[key]
                self._restore(key)

    def _apply(self, key: Key, value: Any, now_ms: int) -> None:
        market, symbol, _ = key
        venue = self._exchange.venues[market]
        match value:
            case Price(last, mark):
                venue.feed.override(symbol, last, mark=mark)
                venue.credit(venue.engine.on_quote(symbol, venue.quote(symbol, now_ms), now_ms))
            case Depth(spread_bps, level_quote, levels):
                venue.feed.set_book(symbol, spread_bps=spread_bps, level_quote=level_quote, levels=levels)
            case str():
                venue.engine.statuses[symbol] = value

    def _restore(self, key: Key) -> None:
        market, symbol, thing = key
        venue = self._exchange.venues[market]
        if thing == "price":
            venue.feed.override(symbol, None)
        elif thing == "book":
            venue.feed.set_book(symbol)
        else:
            venue.engine.statuses[symbol] = self._statuses.pop(key)
