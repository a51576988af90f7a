"""Judge a new order by the symbol's rules, in Binance's order of checks and with its codes and texts."""

from __future__ import annotations

from collections.abc import Sequence

from market.paper.engine.amounts import DECIMALS, SCALE
from market.paper.engine.spot.rules import SymbolRules
from market.paper.engine.spot.types import STOP_TYPES, NewOrder, SpotOrder
from market.paper.engine.types import Quote, Rejected


def check_precision(order: NewOrder, rules: SymbolRules) -> None:
    """Raise -1111 when an amount has more decimals than its asset, -1013 when it is zero."""
    base, quote = rules.base_precision, rules.quote_precision
    if order.quantity is not None:
        _check_amount("quantity", order.quantity, base)
    if order.price is not None:
        _check_amount("price", order.price, quote)
    if order.quote_order_qty is not None:
        _check_amount("quoteOrderQty", order.quote_order_qty, quote)
    if order.stop_price is not None:
        _check_amount("stopPrice", order.stop_price, quote)
    if order.iceberg_qty is not None:
        _check_amount("icebergQty", order.iceberg_qty, base)


def check_support(order: NewOrder, rules: SymbolRules) -> None:
    """Raise -2010 when the symbol does not know this kind of order."""
    if order.type not in rules.order_types:
        raise Rejected(-2010, f"{order.type.replace('_', ' ').capitalize()} orders are not supported for this symbol.")
    if order.quote_order_qty is not None and "quoteOrderQtyMarketAllowed" not in rules.allowed:
        raise Rejected(-2010, "Quote order qty market orders are not support for this symbol.")
    if order.iceberg_qty is not None and "icebergAllowed" not in rules.allowed:
        raise Rejected(-2010, "Iceberg orders are not supported for this symbol.")
    if order.trailing_delta is not None and "allowTrailingStop" not in rules.allowed:
        raise Rejected(-2010, "Trailing stop orders are not supported for this symbol.")


def check_filters(order: NewOrder, quantity: int, rules: SymbolRules, quote: Quote) -> None:
    """Raise -1013 with the name of the first filter the order breaks by itself. ``quantity`` is in base asset."""
    _check_prices(order, rules, quote)
    if not rules.lot.allows(quantity):
        raise _failure("LOT_SIZE")
    notional = rules.notional
    if notional is not None:
        reference = quote.average if notional.average_minutes else quote.last
        if not notional.allows(_notional_of(order, quantity, reference), market=order.price is None):
            raise _failure(notional.name)
    if order.price is None and not rules.market_lot.allows(quantity):
        raise _failure("MARKET_LOT_SIZE")
    if order.iceberg_qty is not None:
        _check_iceberg(order.iceberg_qty, quantity, rules)
    if order.trailing_delta is not None:
        delta, trailing = order.trailing_delta, rules.trailing
        if trailing is not None and not trailing.allows(delta, rises=order.rises):
            raise _failure("TRAILING_DELTA")


def check_count(after: int, rules: SymbolRules) -> None:
    """Raise -1013 when the account would have more open orders in the symbol than it may."""
    if rules.max_num_orders and after > rules.max_num_orders:
        raise _failure("MAX_NUM_ORDERS")


def check_special_counts(new: Sequence[NewOrder], open_orders: Sequence[SpotOrder], rules: SymbolRules) -> None:
    """Raise -1013 when the account would have more open stop orders or icebergs in the symbol than it may."""
    both: list[NewOrder | SpotOrder] = [*new, *open_orders]
    stops = sum(order.type in STOP_TYPES for order in both)
    if rules.max_num_algo_orders and stops > rules.max_num_algo_orders and any(o.type in STOP_TYPES for o in new):
        raise _failure("MAX_NUM_ALGO_ORDERS")
    icebergs = sum(bool(order.iceberg_qty) for order in both)
    if rules.max_num_iceberg_orders and icebergs > rules.max_num_iceberg_orders and any(o.iceberg_qty for o in new):
        raise _failure("MAX_NUM_ICEBERG_ORDERS")


def check_lists(open_lists: int, rules: SymbolRules) -> None:
    """Raise when the symbol has no order lists, or the account as many as it may have."""
    if "ocoAllowed" not in rules.allowed:
        raise Rejected(-2010, "OCO orders are not supported for this symbol")
    if rules.max_num_order_lists and open_lists >= rules.max_num_order_lists:
        raise _failure("MAX_NUM_ORDER_LISTS")


def check_position(after: int, rules: SymbolRules) -> None:
    """Raise -1013 when the account would hold more of the base asset than MAX_POSITION lets it."""
    if rules.max_position and after > rules.max_position:
        raise _failure("MAX_POSITION")


def check_amend(order: SpotOrder, quantity: int, rules: SymbolRules) -> None:
    """Raise -2038 or -1013 when an open order may not be cut down to ``quantity``."""
    if "amendAllowed" not in rules.allowed:
        raise Rejected(-2038, "Order amend is not supported for this symbol.")
    if quantity == order.orig_qty:
        raise Rejected(-2038, "The requested action would change no state; rejecting")
    if quantity > order.orig_qty:
        raise Rejected(-2038, "Order amend (quantity increase) is not supported.")
    if quantity <= order.executed_qty:
        raise Rejected(-2038, "Invalid quantity.")
    if rules.max_num_order_amends and order.amends >= rules.max_num_order_amends:
        raise Rejected(-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    _check_amount("newQty", quantity, rules.base_precision)
    if not rules.lot.allows(quantity):
        raise _failure("LOT_SIZE")
    notional, price = rules.notional, order.price or order.stop_price
    if notional is not None and price and not notional.allows(price * quantity // SCALE, market=not order.price):
        raise _failure(notional.name)


def _check_prices(order: NewOrder, rules: SymbolRules, quote: Quote) -> None:
    price, percent = order.price, rules.percent
    if order.stop_price is not None and not rules.price.allows(order.stop_price):
        raise _failure("PRICE_FILTER")
    if price is None:
        return
    if not rules.price.allows(price):
        raise _failure("PRICE_FILTER")
    if percent is not None and not percent.allows(price, quote.average, order.side):
        raise _failure(percent.name)


def _check_amount(name: str, amount: int, decimals: int) -> None:
    if decimals < DECIMALS and amount % 10 ** (DECIMALS - decimals):
        raise Rejected(-1111, f"Parameter '{name}' has too much precision.")
    if amount <= 0:
        raise Rejected(-1013, "Invalid price." if name in ("price", "stopPrice") else "Invalid quantity.")


def _check_iceberg(visible: int, quantity: int, rules: SymbolRules) -> None:
    if not rules.lot.allows(visible):
        raise _failure("LOT_SIZE")
    if visible >= quantity:
        raise Rejected(-2010, "IcebergQty exceeds QTY.")
    if rules.iceberg_parts and -(-quantity // visible) > rules.iceberg_parts:
        raise _failure("ICEBERG_PARTS")


def _notional_of(order: NewOrder, quantity: int, reference: int) -> int:
    if order.quote_order_qty is not None:
        return order.quote_order_qty  # rounding the quantity down must not push the asked amount below the minimum
    price = order.price or order.stop_price or reference
    return price * quantity // SCALE


def _failure(name: str) -> Rejected:
    return Rejected(-1013, f"Filter failure: {name}")
