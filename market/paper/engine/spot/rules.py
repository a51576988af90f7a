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
class Trailing:
    """How far (in basis points) a trailing stop may follow the market, by whether its trigger is above or below it."""

    min_above: int
    max_above: int
    min_below: int
    max_below: int

    def allows(self, delta: int, *, rises: bool) -> bool:
        """True when the distance is within the bounds."""
        low, high = (self.min_above, self.max_above) if rises else (self.min_below, self.max_below)
        return low <= delta <= high


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """Everything the engine needs to know of a symbol. A maximum of 0 means that there is none."""

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
    trailing: Trailing | None
    iceberg_parts: int
    max_num_orders: int
    max_num_algo_orders: int
    max_num_iceberg_orders: int
    max_num_order_lists: int
    max_num_order_amends: int
    max_position: int
    order_types: frozenset[str]
    # By Binance's names: icebergAllowed, ocoAllowed, allowTrailingStop ...
    allowed: frozenset[str]
    self_trade_default: str
    self_trade_modes: frozenset[str]


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
        trailing=_trailing(filters.get("TRAILING_DELTA")),
        iceberg_parts=_number(filters, "ICEBERG_PARTS", "limit"),
        max_num_orders=_number(filters, "MAX_NUM_ORDERS", "maxNumOrders"),
        max_num_algo_orders=_number(filters, "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
        max_num_iceberg_orders=_number(filters, "MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders"),
        max_num_order_lists=_number(filters, "MAX_NUM_ORDER_LISTS", "maxNumOrderLists"),
        max_num_order_amends=_number(filters, "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends"),
        max_position=units(filters.get("MAX_POSITION", {}).get("maxPosition", "0")),
        order_types=frozenset(entry["orderTypes"]),
        allowed=frozenset(name for name, value in entry.items() if value is True),
        self_trade_default=entry.get("defaultSelfTradePreventionMode", "NONE"),
        self_trade_modes=frozenset(entry.get("allowedSelfTradePreventionModes", ["NONE"])),
    )


def _number(filters: Mapping[str, Mapping[str, Any]], kind: str, name: str) -> int:
    return int(filters.get(kind, {}).get(name, 0))


def _trailing(row: Mapping[str, Any] | None) -> Trailing | None:
    names = ("minTrailingAboveDelta", "maxTrailingAboveDelta", "minTrailingBelowDelta", "maxTrailingBelowDelta")
    return Trailing(*(int(row[name]) for name in names)) if row else None


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
