"""What an exchange says of a symbol, read from one entry of its exchangeInfo. Plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from market.rounding import round_down

ZERO = Decimal(0)


@dataclass(frozen=True)
class Rules:
    """The limits of one symbol. A maximum of None and a step of 0 mean that there is none."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal | None
    min_notional: Decimal
    max_notional: Decimal | None

    @property
    def is_trading(self) -> bool:
        return self.status == "TRADING"

    @property
    def smallest_quantity(self) -> Decimal:
        """The least that a market order can move, whatever the price."""
        return max(self.min_quantity, self.lot_size)

    def tradable(self, quantity: Decimal) -> Decimal:
        """What of ``quantity`` one market order can move: whole lots within the bounds, 0 below them."""
        wanted = abs(quantity) if self.max_quantity is None else min(abs(quantity), self.max_quantity)
        rounded = round_down(wanted, self.lot_size)
        return rounded if rounded >= self.min_quantity else ZERO


def rules_of(entry: Mapping[str, Any]) -> Rules:
    """Read a spot symbol of exchangeInfo, for market orders: the stricter of LOT_SIZE and MARKET_LOT_SIZE counts.

    Raises KeyError for an entry without the filters that every symbol has.
    """
    filters = {item["filterType"]: item for item in entry["filters"]}
    lot, market_lot = filters["LOT_SIZE"], filters.get("MARKET_LOT_SIZE", {})
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    maxima = [_amount(item, "maxQty") for item in (lot, market_lot)]
    return Rules(
        symbol=entry["symbol"],
        status=entry["status"],
        base_asset=entry["baseAsset"],
        quote_asset=entry["quoteAsset"],
        tick_size=_amount(filters["PRICE_FILTER"], "tickSize"),
        lot_size=max(_amount(lot, "stepSize"), _amount(market_lot, "stepSize")),
        min_quantity=max(_amount(lot, "minQty"), _amount(market_lot, "minQty")),
        max_quantity=min((value for value in maxima if value), default=None),
        min_notional=_amount(notional, "minNotional") if _minimum_counts(notional) else ZERO,
        max_notional=_amount(notional, "maxNotional") or None if notional.get("applyMaxToMarket") else None,
    )


def _minimum_counts(notional: Mapping[str, Any]) -> bool:
    """NOTIONAL and the older MIN_NOTIONAL say under different names whether they mean market orders too."""
    return bool(notional.get("applyMinToMarket", notional.get("applyToMarket", True)))


def _amount(item: Mapping[str, Any], name: str) -> Decimal:
    return Decimal(str(item.get(name, 0)))
