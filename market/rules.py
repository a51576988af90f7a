"""What an exchange says of a symbol, read from one entry of its exchangeInfo. Plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from market.rounding import round_down, round_up
from market.types import OrderType, Side

ZERO = Decimal(0)
# Names of our order types in an exchangeInfo.
SPOT_TYPES = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP: "STOP_LOSS",
    OrderType.TARGET: "TAKE_PROFIT",
}
FUTURES_TYPES = SPOT_TYPES | {OrderType.STOP: "STOP_MARKET", OrderType.TARGET: "TAKE_PROFIT_MARKET"}
# Open conditional orders of a futures account, over all symbols. Since 2025-12-29 it is no filter any more.
MAX_FUTURES_CONDITIONALS = 200


@dataclass(frozen=True)
class Lot:
    """Which quantities pass: from minimum to maximum, in steps from ``origin`` on.

    A maximum of None and a step of 0 mean that there is none.
    """

    minimum: Decimal = ZERO
    maximum: Decimal | None = None
    step: Decimal = ZERO
    origin: Decimal = ZERO

    def round_down(self, quantity: Decimal) -> Decimal:
        """The largest whole step that is not above a quantity of at least the origin."""
        return self.origin + round_down(quantity - self.origin, self.step)

    def round_up(self, quantity: Decimal) -> Decimal:
        """The smallest whole step that is not below a quantity of at least the origin."""
        return self.origin + round_up(quantity - self.origin, self.step)


@dataclass(frozen=True)
class Band:
    """How far a price may be from the reference price, as factors of it; None where there is no bound."""

    down: Decimal | None = None
    up: Decimal | None = None


@dataclass(frozen=True)
class Rules:
    """The limits of one symbol. A maximum of None and a step of 0 mean that there is none."""

    symbol: str
    status: str
    is_futures: bool
    base_asset: str
    quote_asset: str
    tick_size: Decimal
    min_price: Decimal
    max_price: Decimal | None
    lot: Lot  # for every order
    extra_market_lot: Lot  # for those that execute at the market, beside ``lot``
    min_notional: Decimal  # of orders at the market
    max_notional: Decimal | None
    min_limit_notional: Decimal
    max_limit_notional: Decimal | None
    bands: Mapping[Side, Band]
    max_orders: int | None  # open ones of an account on the symbol
    max_conditionals: int | None  # the same on spot; on futures those of the account
    max_position: Decimal | None  # spot, base asset
    order_types: frozenset[OrderType]
    has_pairs: bool  # a stop and a target as one list

    @property
    def is_trading(self) -> bool:
        return self.status == "TRADING"

    @cached_property
    def market_lot(self) -> Lot:
        """Which quantities pass for an order at the market: the stricter of both filters counts."""
        lots = (self.lot, self.extra_market_lot)
        return Lot(
            minimum=max(lot.minimum for lot in lots),
            maximum=min((lot.maximum for lot in lots if lot.maximum is not None), default=None),
            step=max(lot.step for lot in lots),
            origin=max(lot.origin for lot in lots),
        )

    @property
    def lot_size(self) -> Decimal:
        return self.market_lot.step

    @property
    def min_quantity(self) -> Decimal:
        return self.market_lot.minimum

    @property
    def max_quantity(self) -> Decimal | None:
        return self.market_lot.maximum

    @property
    def smallest_quantity(self) -> Decimal:
        """The least that a market order can move, whatever the price."""
        return max(self.min_quantity, self.lot_size)

    def tradable(self, quantity: Decimal) -> Decimal:
        """What of ``quantity`` one market order can move: whole lots within the bounds, 0 below them."""
        lot = self.market_lot
        wanted = abs(quantity) if lot.maximum is None else min(abs(quantity), lot.maximum)
        if wanted < lot.minimum:
            return ZERO
        rounded = lot.round_down(wanted)
        return rounded if rounded >= lot.minimum else ZERO


def rules_of(entry: Mapping[str, Any]) -> Rules:
    """Read a symbol of exchangeInfo, of spot or of futures.

    Raises KeyError for an entry without the filters that every symbol has.
    """
    filters = {item["filterType"]: item for item in entry["filters"]}
    is_futures = "contractType" in entry
    price = filters["PRICE_FILTER"]
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    minimum, maximum = _amount(notional, "notional" if is_futures else "minNotional"), _bound(notional, "maxNotional")
    orders, conditionals = filters.get("MAX_NUM_ORDERS", {}), filters.get("MAX_NUM_ALGO_ORDERS", {})
    return Rules(
        symbol=entry["symbol"],
        status=entry["status"],
        is_futures=is_futures,
        base_asset=entry["baseAsset"],
        quote_asset=entry["quoteAsset"],
        tick_size=_amount(price, "tickSize"),
        min_price=_amount(price, "minPrice"),
        max_price=_bound(price, "maxPrice"),
        lot=_lot(filters["LOT_SIZE"], is_futures=is_futures),
        extra_market_lot=_lot(filters.get("MARKET_LOT_SIZE", {}), is_futures=is_futures),
        min_notional=minimum if _minimum_counts(notional) else ZERO,
        max_notional=maximum if notional.get("applyMaxToMarket") else None,
        min_limit_notional=minimum,
        max_limit_notional=maximum,
        bands=_futures_bands(filters) if is_futures else _spot_bands(filters),
        max_orders=_count(orders, "limit" if is_futures else "maxNumOrders"),
        max_conditionals=MAX_FUTURES_CONDITIONALS if is_futures else _count(conditionals, "maxNumAlgoOrders"),
        max_position=_bound(filters.get("MAX_POSITION", {}), "maxPosition"),
        order_types=_types(entry, is_futures=is_futures),
        has_pairs=bool(entry.get("ocoAllowed", not is_futures)),
    )


def _lot(item: Mapping[str, Any], *, is_futures: bool) -> Lot:
    """A futures lot counts its steps from its minimum on, a spot lot from zero."""
    minimum = _amount(item, "minQty")
    origin = minimum if is_futures else ZERO
    return Lot(minimum, _bound(item, "maxQty"), _amount(item, "stepSize"), origin)


def _minimum_counts(notional: Mapping[str, Any]) -> bool:
    """NOTIONAL and the older MIN_NOTIONAL say under different names whether they mean market orders too."""
    return bool(notional.get("applyMinToMarket", notional.get("applyToMarket", True)))


def _spot_bands(filters: Mapping[str, Mapping[str, Any]]) -> dict[Side, Band]:
    """PERCENT_PRICE_BY_SIDE, or the older PERCENT_PRICE, which makes no difference between the sides."""
    by_side, older = filters.get("PERCENT_PRICE_BY_SIDE"), filters.get("PERCENT_PRICE", {})
    if by_side is None:
        return dict.fromkeys(Side, Band(_bound(older, "multiplierDown"), _bound(older, "multiplierUp")))
    return {
        side: Band(_bound(by_side, f"{name}MultiplierDown"), _bound(by_side, f"{name}MultiplierUp"))
        for side, name in ((Side.BUY, "bid"), (Side.SELL, "ask"))
    }


def _futures_bands(filters: Mapping[str, Mapping[str, Any]]) -> dict[Side, Band]:
    """PERCENT_PRICE keeps buyers from paying too much and sellers from taking too little, not the other way round."""
    percent = filters.get("PERCENT_PRICE", {})
    return {Side.BUY: Band(up=_bound(percent, "multiplierUp")), Side.SELL: Band(down=_bound(percent, "multiplierDown"))}


def _types(entry: Mapping[str, Any], *, is_futures: bool) -> frozenset[OrderType]:
    """Those of our order types that the symbol takes; all of them if it does not say."""
    names = FUTURES_TYPES if is_futures else SPOT_TYPES
    listed = entry.get("orderTypes") or names.values()
    return frozenset(kind for kind, name in names.items() if name in listed)


def _amount(item: Mapping[str, Any], name: str) -> Decimal:
    return Decimal(str(item.get(name, 0)))


def _bound(item: Mapping[str, Any], name: str) -> Decimal | None:
    return _amount(item, name) or None


def _count(item: Mapping[str, Any], name: str) -> int | None:
    return int(item.get(name, 0)) or None
