"""Judge a new order by the symbol's rules, in Binance's order of checks and with its codes and texts."""

from __future__ import annotations

from market.paper.engine.amounts import DECIMALS, SCALE
from market.paper.engine.spot.rules import SymbolRules
from market.paper.engine.spot.types import NewOrder
from market.paper.engine.types import Quote, Rejected


def check_precision(order: NewOrder, rules: SymbolRules) -> None:
    """Raise -1111 when an amount has more decimals than its asset, -1013 when it is zero."""
    for name, amount, decimals in (
        ("quantity", order.quantity, rules.base_precision),
        ("quoteOrderQty", order.quote_order_qty, rules.quote_precision),
        ("price", order.price, rules.quote_precision),
        ("stopPrice", order.stop_price, rules.quote_precision),
        ("icebergQty", order.iceberg_qty, rules.base_precision),
    ):
        if amount is None:
            continue
        if decimals < DECIMALS and amount % 10 ** (DECIMALS - decimals):
            raise Rejected(-1111, f"Parameter '{name}' has too much precision.")
        if amount <= 0:
            raise Rejected(-1013, "Invalid price." if name in ("price", "stopPrice") else "Invalid quantity.")


def check_filters(order: NewOrder, quantity: int, rules: SymbolRules, quote: Quote) -> None:
    """Raise -1013 with the name of the first filter the order breaks by itself. ``quantity`` is in base asset."""
    market = order.price is None
    for price in (order.price, order.stop_price):
        if price is None:
            continue
        _refuse_unless("PRICE_FILTER", rules.price.allows(price))
        if rules.percent is not None:
            _refuse_unless(rules.percent.name, rules.percent.allows(price, quote.average, order.side))
    _refuse_unless("LOT_SIZE", rules.lot.allows(quantity))
    if rules.notional is not None:
        reference = quote.average if rules.notional.average_minutes else quote.last
        notional = _notional_of(order, quantity, reference)
        _refuse_unless(rules.notional.name, rules.notional.allows(notional, market=market))
    if market:
        _refuse_unless("MARKET_LOT_SIZE", rules.market_lot.allows(quantity))


def check_counts(open_orders: int, rules: SymbolRules) -> None:
    """Raise -1013 when the account has as many open orders in the symbol as it may have."""
    _refuse_unless("MAX_NUM_ORDERS", not rules.max_num_orders or open_orders < rules.max_num_orders)


def check_position(after: int, rules: SymbolRules) -> None:
    """Raise -1013 when the account would hold more of the base asset than MAX_POSITION lets it."""
    _refuse_unless("MAX_POSITION", not rules.max_position or after <= rules.max_position)


def _notional_of(order: NewOrder, quantity: int, reference: int) -> int:
    if order.quote_order_qty is not None:
        return order.quote_order_qty  # rounding the quantity down must not push the asked amount below the minimum
    price = order.price or order.stop_price or reference
    return price * quantity // SCALE


def _refuse_unless(name: str, kept: bool) -> None:
    if not kept:
        raise Rejected(-1013, f"Filter failure: {name}")
