"""Judge a new order by the symbol's rules, in Binance's order of checks and with its codes and texts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from market.paper.engine.rules import SymbolRules
from market.paper.engine.types import ZERO, NewOrder, Quote, Rejected


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the account already has in the symbol, for the counting filters."""

    open_orders: int
    base_held: Decimal
    base_on_order: Decimal


def check_precision(order: NewOrder, rules: SymbolRules) -> None:
    """Raise -1111 when an amount has more decimals than its asset, -1013 when it is zero."""
    for name, amount, decimals in (
        ("quantity", order.quantity, rules.base_precision),
        ("quoteOrderQty", order.quote_order_qty, rules.quote_precision),
        ("price", order.price, rules.quote_precision),
    ):
        if amount is None:
            continue
        if decimals_of(amount) > decimals:
            raise Rejected(-1111, f"Parameter '{name}' has too much precision.")
        if amount <= 0:
            raise Rejected(-1013, "Invalid price." if name == "price" else "Invalid quantity.")


def check_filters(order: NewOrder, quantity: Decimal, rules: SymbolRules, quote: Quote, held: Exposure) -> None:
    """Raise -1013 with the name of the first filter the order breaks. ``quantity`` is in base asset."""
    market = order.type == "MARKET"
    if order.price is not None:
        _refuse_unless("PRICE_FILTER", rules.price.allows(order.price))
        if rules.percent is not None:
            _refuse_unless(rules.percent.name, rules.percent.allows(order.price, quote.average, order.side))
    _refuse_unless("LOT_SIZE", rules.lot.allows(quantity))
    if rules.notional is not None:
        reference = quote.average if rules.notional.average_minutes else quote.last
        notional = _notional_of(order, quantity, reference)
        _refuse_unless(rules.notional.name, rules.notional.allows(notional, market=market))
    if market:
        _refuse_unless("MARKET_LOT_SIZE", rules.market_lot.allows(quantity))
    _refuse_unless("MAX_NUM_ORDERS", not rules.max_num_orders or held.open_orders < rules.max_num_orders)
    if order.side == "BUY" and rules.max_position:
        after = held.base_held + held.base_on_order + quantity
        _refuse_unless("MAX_POSITION", after <= rules.max_position)


def quantity_of(order: NewOrder, rules: SymbolRules, quote: Quote) -> Decimal:
    """The base quantity asked for; a quote amount buys (or needs) as many whole lot steps as it pays for."""
    if order.quantity is not None:
        return order.quantity
    price = quote.ask if order.side == "BUY" else quote.bid
    step = rules.lot.step or Decimal(1).scaleb(-rules.base_precision)
    return round_down((order.quote_order_qty or ZERO) / price, step)


def round_down(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``value`` (both not negative)."""
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


def decimals_of(value: Decimal) -> int:
    """Decimals that matter: 1.500 has one."""
    return len(format(value, "f").rstrip("0").partition(".")[2])


def _notional_of(order: NewOrder, quantity: Decimal, reference: Decimal) -> Decimal:
    if order.price is not None:
        return order.price * quantity
    if order.quote_order_qty is not None:
        return order.quote_order_qty  # rounding the quantity down must not push the asked amount below the minimum
    return reference * quantity


def _refuse_unless(name: str, kept: bool) -> None:
    if not kept:
        raise Rejected(-1013, f"Filter failure: {name}")
