"""The trading rules of a futures symbol, read once from a recorded exchangeInfo entry and its leverage brackets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from market.paper.engine.amounts import DECIMALS, SCALE, units


@dataclass(frozen=True, slots=True)
class Lot:
    """``minimum <= quantity <= maximum`` and ``quantity - minimum`` a multiple of ``step``."""

    minimum: int
    maximum: int
    step: int


@dataclass(frozen=True, slots=True)
class Bracket:
    """Up to a notional of ``cap``: the highest leverage, and maintenance = notional x ratio - cum."""

    number: int
    leverage: int
    floor: int
    cap: int
    ratio: int
    cum: int


@dataclass(frozen=True, slots=True)
class FuturesRules:
    """Everything the engine needs to know of a symbol. Rates and multipliers count 10**-8."""

    symbol: str
    base: str
    quote: str
    margin_asset: str
    status: str
    price_precision: int
    quantity_precision: int
    price_grain: int  # the last decimal of a price, and of a quantity
    quantity_grain: int
    min_price: int
    max_price: int
    tick: int
    lot: Lot
    market_lot: Lot
    max_orders: int
    min_notional: int
    price_up: int
    price_down: int
    take_bound: int
    trigger_protect: int
    liquidation_fee: int
    max_modifications: int
    brackets: tuple[Bracket, ...]

    @property
    def max_leverage(self) -> int:
        """The highest leverage anybody gets here."""
        return self.brackets[0].leverage

    def bracket_of(self, notional: int) -> Bracket:
        """The bracket of a position of that notional; the last one for everything beyond."""
        for bracket in self.brackets:
            if notional < bracket.cap:
                return bracket
        return self.brackets[-1]

    def maintenance(self, notional: int) -> int:
        """The margin a position of that notional needs to stay, rounded up."""
        bracket = self.bracket_of(notional)
        return -(-notional * bracket.ratio // SCALE) - bracket.cum

    def max_notional(self, leverage: int) -> int:
        """The largest notional that may be held at a leverage; 0 when nobody gets that leverage."""
        return max((bracket.cap for bracket in self.brackets if bracket.leverage >= leverage), default=0)


def futures_rules_of(entry: Mapping[str, Any], brackets: Iterable[Mapping[str, Any]]) -> FuturesRules:
    """Read an exchangeInfo ``symbols[]`` entry and the symbol's rows of ``brackets[]`` of leverageBracket."""
    filters = {row["filterType"]: row for row in entry["filters"]}
    price, percent = filters["PRICE_FILTER"], filters["PERCENT_PRICE"]
    return FuturesRules(
        symbol=entry["symbol"],
        base=entry["baseAsset"],
        quote=entry["quoteAsset"],
        margin_asset=entry["marginAsset"],
        status=entry["status"],
        price_precision=int(entry["pricePrecision"]),
        quantity_precision=int(entry["quantityPrecision"]),
        price_grain=10 ** (DECIMALS - int(entry["pricePrecision"])),
        quantity_grain=10 ** (DECIMALS - int(entry["quantityPrecision"])),
        min_price=units(price["minPrice"]),
        max_price=units(price["maxPrice"]),
        tick=units(price["tickSize"]),
        lot=_lot(filters["LOT_SIZE"]),
        market_lot=_lot(filters["MARKET_LOT_SIZE"]),
        max_orders=int(filters["MAX_NUM_ORDERS"]["limit"]),
        min_notional=units(filters["MIN_NOTIONAL"]["notional"]),
        price_up=units(percent["multiplierUp"]),
        price_down=units(percent["multiplierDown"]),
        take_bound=units(entry["marketTakeBound"]),
        trigger_protect=units(entry["triggerProtect"]),
        liquidation_fee=units(entry["liquidationFee"]),
        max_modifications=int(entry.get("maxMoveOrderLimit", 10000)),
        brackets=tuple(sorted((_bracket(row) for row in brackets), key=lambda bracket: bracket.floor)),
    )


def _lot(row: Mapping[str, Any]) -> Lot:
    return Lot(units(row["minQty"]), units(row["maxQty"]), units(row["stepSize"]))


def _bracket(row: Mapping[str, Any]) -> Bracket:
    """Recorded brackets come as numbers or as text, some with an exponent."""
    amounts = [
        int(Decimal(str(row[name])) * SCALE) for name in ("notionalFloor", "notionalCap", "maintMarginRatio", "cum")
    ]
    return Bracket(int(row["bracket"]), int(row["initialLeverage"]), *amounts)
