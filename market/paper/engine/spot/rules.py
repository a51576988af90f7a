"""The trading rules of a symbol, read once from a recorded exchangeInfo entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from market.paper.engine.amounts import SCALE, units
from market.paper.engine.types import Side


@dataclass(frozen=True, slots=True)
class Steps:
    """``minimum <= value <= maximum`` and a multiple of ``step``; a zero switches that part off."""

    minimum: int = 0
    maximum: int = 0
    step: int = 0

    def allows(self, value: int) -> bool:
        """True when the value keeps all three parts."""
        if value < self.minimum or (self.maximum and value > self.maximum):
            return False
        return not (self.step and value % self.step)


@dataclass(frozen=True, slots=True)
class Notional:
    """Bounds of price x quantity in quote asset. ``name`` is the filter's name in the error text."""

    name: str
    minimum: int
    maximum: int
    min_applies_to_market: bool
    max_applies_to_market: bool
    average_minutes: int

    def allows(self, notional: int, *, market: bool) -> bool:
        """True when the notional is within the bounds that apply to this kind of order."""
        if notional < self.minimum and (self.min_applies_to_market or not market):
            return False
        return not (self.maximum and notional > self.maximum and (self.max_applies_to_market or not market))


@dataclass(frozen=True, slots=True)
class PercentPrice:
    """How far a price may be from the average: ``average x down <= price <= average x up``, by side (in 10**-8)."""

    name: str
    bid_down: int
    bid_up: int
    ask_down: int
    ask_up: int

    def allows(self, price: int, average: int, side: Side) -> bool:
        """True when the price is inside the band of its side."""
        down, up = (self.bid_down, self.bid_up) if side == "BUY" else (self.ask_down, self.ask_up)
        return average * down <= price * SCALE <= average * up


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """Everything the engine needs to know of a symbol."""

    symbol: str
    base: str
    quote: str
    base_precision: int
    quote_precision: int
    price: Steps
    lot: Steps
    market_lot: Steps
    notional: Notional | None
    percent: PercentPrice | None
    max_num_orders: int
    max_position: int


def rules_of(entry: Mapping[str, Any]) -> SymbolRules:
    """Read an exchangeInfo ``symbols[]`` entry."""
    filters = {row["filterType"]: row for row in entry["filters"]}
    return SymbolRules(
        symbol=entry["symbol"],
        base=entry["baseAsset"],
        quote=entry["quoteAsset"],
        base_precision=int(entry.get("baseAssetPrecision", 8)),
        quote_precision=int(entry.get("quoteAssetPrecision", entry.get("quotePrecision", 8))),
        price=_steps(filters.get("PRICE_FILTER"), "minPrice", "maxPrice", "tickSize"),
        lot=_steps(filters.get("LOT_SIZE"), "minQty", "maxQty", "stepSize"),
        market_lot=_steps(filters.get("MARKET_LOT_SIZE"), "minQty", "maxQty", "stepSize"),
        notional=_notional(filters),
        percent=_percent(filters),
        max_num_orders=int(filters.get("MAX_NUM_ORDERS", {}).get("maxNumOrders", 0)),
        max_position=units(filters.get("MAX_POSITION", {}).get("maxPosition", "0")),
    )


def _steps(row: Mapping[str, Any] | None, low: str, high: str, step: str) -> Steps:
    return Steps(units(row[low]), units(row[high]), units(row[step])) if row else Steps()


def _notional(filters: Mapping[str, Mapping[str, Any]]) -> Notional | None:
    if row := filters.get("NOTIONAL"):
        return Notional(
            name="NOTIONAL",
            minimum=units(row["minNotional"]),
            maximum=units(row["maxNotional"]),
            min_applies_to_market=row["applyMinToMarket"],
            max_applies_to_market=row["applyMaxToMarket"],
            average_minutes=row["avgPriceMins"],
        )
    if row := filters.get("MIN_NOTIONAL"):
        return Notional(
            name="MIN_NOTIONAL",
            minimum=units(row["minNotional"]),
            maximum=0,
            min_applies_to_market=row["applyToMarket"],
            max_applies_to_market=False,
            average_minutes=row["avgPriceMins"],
        )
    return None


def _percent(filters: Mapping[str, Mapping[str, Any]]) -> PercentPrice | None:
    if row := filters.get("PERCENT_PRICE_BY_SIDE"):
        keys = ("bidMultiplierDown", "bidMultiplierUp", "askMultiplierDown", "askMultiplierUp")
        return PercentPrice("PERCENT_PRICE_BY_SIDE", *(units(row[key]) for key in keys))
    if row := filters.get("PERCENT_PRICE"):
        down, up = units(row["multiplierDown"]), units(row["multiplierUp"])
        return PercentPrice("PERCENT_PRICE", down, up, down, up)
    return None
