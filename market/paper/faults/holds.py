"""Prices, books and statuses that do not follow the recording: set by the administrator, or held by faults.

Of several holds on one thing the last that began counts; what the administrator sets counts when none is left.
"""

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
        # What counts beneath them: what the administrator has set, and the status as it was.
        self._usual: dict[Key, Any] = {}

    def keep(self, key: Key, value: Any, now_ms: int) -> None:
        """Let the administrator set something; None: as recorded. Above it, faults go on holding what they hold."""
        self._usual[key] = value
        self._apply(key, now_ms)

    def hold(self, number: int, key: Key, value: Any, now_ms: int) -> None:
        """Let fault ``number`` hold something."""
        if key not in self._held and key[2] == "status":
            self._usual[key] = self._exchange.venues[key[0]].engine.statuses[key[1]]
        self._held.setdefault(key, {})[number] = value
        self._apply(key, now_ms)

    def release(self, number: int, now_ms: int) -> None:
        """Let go of everything that fault ``number`` holds; what another one holds of it counts again."""
        for key in [key for key, values in self._held.items() if number in values]:
            values = self._held[key]
            del values[number]
            if not values:
                del self._held[key]
            self._apply(key, now_ms)

    def _apply(self, key: Key, now_ms: int) -> None:
        """Make the market what it shall be; what a price reaches fills."""
        market, symbol, thing = key
        venue = self._exchange.venues[market]
        match self._counting(key):
            case Price(last, mark):
                venue.feed.override(symbol, last, mark=mark)
                venue.credit(venue.engine.on_quote(symbol, venue.quote(symbol, now_ms), now_ms))
            case Depth(spread_bps, level_quote, levels):
                venue.feed.set_book(symbol, spread_bps=spread_bps, level_quote=level_quote, levels=levels)
            case str(status):
                venue.engine.statuses[symbol] = status
            case None if thing == "price":
                venue.feed.override(symbol, None)
            case None:
                venue.feed.set_book(symbol)

    def _counting(self, key: Key) -> Any:
        values = self._held.get(key)
        return list(values.values())[-1] if values else self._usual.get(key)
