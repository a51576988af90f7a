"""The exchange's filters, checked before an order leaves, so that a refusal costs no call. Plain Python."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from market.rounding import plain, round_down
from market.rules import Lot, Rules
from market.types import OrderType, Side

ZERO = Decimal(0)


@dataclass(frozen=True)
class Draft:
    """An order as the filters see it, and what they hold it against. Counts are without the order itself."""

    type: OrderType
    side: Side
    quantity: Decimal  # base asset
    reference: Decimal  # quote asset; on spot the average price of the last minutes, on futures the mark price
    price: Decimal | None = None  # of a limit order its limit, of a conditional one its trigger
    best: Decimal | None = None  # the other side's best price, which a market order would meet
    reduce_only: bool = False
    open_orders: int = 0  # of the account on the symbol; on spot conditional ones count too
    open_conditionals: int = 0  # on spot: of the account on the symbol; on futures: of the account
    held: Decimal = ZERO  # base asset that the account has on spot, with what its open orders would buy

    @property
    def is_limit(self) -> bool:
        return self.type is OrderType.LIMIT


@dataclass(frozen=True)
class Violation:
    """A filter that an order would break: its name, and a sentence with value and bound."""

    filter: str
    detail: str


def check_order(rules: Rules, order: Draft) -> Violation | None:
    """The first filter that an order would break, in the order in which the exchange looks at them."""
    return next((violation for check in CHECKS for violation in check(rules, order)), None)


def smallest_quantity(rules: Rules, *, price: Decimal) -> Decimal:
    """The smallest quantity, in base asset, that a market order at ``price`` may have."""
    lot = rules.market_lot
    return lot.round_up(max(rules.min_notional / price, lot.minimum))


def _type(rules: Rules, order: Draft) -> Iterator[Violation]:
    if order.type not in rules.order_types:
        yield Violation("ORDER_TYPES", f"{rules.symbol} takes no {order.type} orders")


def _price(rules: Rules, order: Draft) -> Iterator[Violation]:
    if order.price is None:
        return
    price, unit = order.price, rules.quote_asset
    word = "price" if order.is_limit else "trigger price"
    if price <= 0 or price < rules.min_price:
        yield Violation("PRICE_FILTER", f"{word} {plain(price)} {unit} is below the minimum {plain(rules.min_price)}")
    if rules.max_price is not None and price > rules.max_price:
        yield Violation("PRICE_FILTER", f"{word} {plain(price)} {unit} is above the maximum {plain(rules.max_price)}")
    if price != round_down(price, rules.tick_size):
        detail = f"{word} {plain(price)} is no multiple of the tick size {plain(rules.tick_size)}"
        yield Violation("PRICE_FILTER", detail)


def _percent_price(rules: Rules, order: Draft) -> Iterator[Violation]:
    """Of a limit order its price counts; on futures, of one at the market the price that it would meet."""
    meets_the_market = rules.is_futures and order.type is OrderType.MARKET
    price = order.price if order.is_limit else order.best if meets_the_market else None
    if price is None:
        return
    band, where = rules.bands[order.side], f"the reference price {plain(order.reference)}"
    if band.up is not None and price > order.reference * band.up:
        detail = f"price {plain(price)} is above {plain(order.reference * band.up)}, {plain(band.up)} times {where}"
        yield Violation("PERCENT_PRICE", detail)
    if band.down is not None and price < order.reference * band.down:
        detail = f"price {plain(price)} is below {plain(order.reference * band.down)}, {plain(band.down)} times {where}"
        yield Violation("PERCENT_PRICE", detail)


def _lots(rules: Rules, order: Draft) -> Iterator[Violation]:
    yield from _lot("LOT_SIZE", rules.lot, rules, order)
    if not order.is_limit:
        yield from _lot("MARKET_LOT_SIZE", rules.extra_market_lot, rules, order)


def _lot(name: str, lot: Lot, rules: Rules, order: Draft) -> Iterator[Violation]:
    said = f"quantity {plain(order.quantity)} {rules.base_asset}"
    if order.quantity <= 0 or order.quantity < lot.minimum:
        yield Violation(name, f"{said} is below the minimum {plain(lot.minimum)}")
    if lot.maximum is not None and order.quantity > lot.maximum:
        yield Violation(name, f"{said} is above the maximum {plain(lot.maximum)}")
    if order.quantity != lot.round_down(order.quantity):
        yield Violation(name, f"{said} is no multiple of the lot size {plain(lot.step)}")


def _notional(rules: Rules, order: Draft) -> Iterator[Violation]:
    price = order.price or order.reference
    notional, unit = order.quantity * price, rules.quote_asset
    minimum = rules.min_limit_notional if order.is_limit else rules.min_notional
    maximum = rules.max_limit_notional if order.is_limit else rules.max_notional
    if notional < minimum and not (rules.is_futures and order.reduce_only):
        lot = rules.lot if order.is_limit else rules.market_lot
        needed = lot.round_up(max(minimum / price, lot.minimum))
        yield Violation(
            "NOTIONAL",
            f"{plain(order.quantity)} {rules.base_asset} at {plain(price)} is worth {notional:.2f} {unit};"
            f" the minimum is {plain(minimum)} {unit}, that is {plain(needed)} {rules.base_asset}",
        )
    if maximum is not None and notional > maximum:
        yield Violation("NOTIONAL", f"{notional:.2f} {unit} is above the maximum {plain(maximum)}")


def _counts(rules: Rules, order: Draft) -> Iterator[Violation]:
    """On futures only what rests in the book counts as an open order, on spot everything does."""
    rests = order.is_limit or not rules.is_futures
    if rests and rules.max_orders is not None and order.open_orders >= rules.max_orders:
        detail = f"{order.open_orders} orders are open on {rules.symbol}; the maximum is {rules.max_orders}"
        yield Violation("MAX_NUM_ORDERS", detail)
    most = rules.max_conditionals
    if order.type.is_conditional and most is not None and order.open_conditionals >= most:
        detail = f"{order.open_conditionals} conditional orders are open; the maximum is {most}"
        yield Violation("MAX_NUM_ALGO_ORDERS", detail)


def _position(rules: Rules, order: Draft) -> Iterator[Violation]:
    if rules.max_position is None or order.side is Side.SELL:
        return
    after = order.held + order.quantity
    if after > rules.max_position:
        detail = f"{plain(after)} {rules.base_asset} would be held; the maximum is {plain(rules.max_position)}"
        yield Violation("MAX_POSITION", detail)


CHECKS = (_type, _price, _percent_price, _lots, _notional, _counts, _position)
