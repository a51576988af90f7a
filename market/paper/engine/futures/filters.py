"""Judge a new order by the symbol's rules, with Binance's codes and texts and in its order of checks."""

from __future__ import annotations

import re

from market.paper.engine.amounts import SCALE, short
from market.paper.engine.futures.rules import FuturesRules, Lot
from market.paper.engine.futures.types import (
    CONDITIONAL_TYPES,
    AccountConfig,
    FuturesOrder,
    NewAlgoOrder,
    NewFuturesOrder,
)
from market.paper.engine.types import Quote, Rejected

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
PRICE_MATCHES = re.compile(r"(OPPONENT|QUEUE)(?:_(5|10|20))?")
GOOD_TILL_AHEAD_MS = 600_000
GOOD_TILL_MAX_MS = 253_402_300_799_000


def reduces(order: NewFuturesOrder | NewAlgoOrder | FuturesOrder) -> bool:
    """True when an order can only reduce a position: by its flag, or in hedge mode by its sides."""
    return order.reduce_only or (order.position_side, order.side) in (("LONG", "SELL"), ("SHORT", "BUY"))


def check_terms(new: NewFuturesOrder, config: AccountConfig, now_ms: int) -> None:
    """Raise when an order is not one for this endpoint, this position mode or this moment."""
    if new.type in CONDITIONAL_TYPES:
        text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        raise Rejected(-4120, text)
    if not CLIENT_ID.fullmatch(new.client_order_id):
        raise Rejected(-4015, "Client order id is not valid.")
    check_sides(new, config)
    if new.price_match != "NONE" and new.type != "LIMIT":
        raise Rejected(-5038, "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT")
    if new.time_in_force == "GTD":
        check_good_till(new.good_till_ms, now_ms)


def check_sides(new: NewFuturesOrder | NewAlgoOrder, config: AccountConfig) -> None:
    """Raise -4061 when the position side does not fit the position mode, -1106 for reduceOnly in hedge mode."""
    if (new.position_side == "BOTH") is config.hedge_mode:
        raise Rejected(-4061, "Order's position side does not match user's setting.")
    if new.reduce_only and config.hedge_mode:
        raise Rejected(-1106, "Parameter 'reduceonly' sent when not required.")


def check_good_till(good_till_ms: int, now_ms: int) -> None:
    """Raise -5040 when a GTD order would end too soon or never."""
    if not now_ms + GOOD_TILL_AHEAD_MS < good_till_ms < GOOD_TILL_MAX_MS:
        raise Rejected(
            -5040,
            "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than "
            f"{GOOD_TILL_MAX_MS} (UTC 9999-12-31 23:59:59)",
        )


def matched_price(price_match: str, side: str, quote: Quote) -> int:
    """The price a ``price_match`` stands for: the best of the other side or the own, or its 5th, 10th, 20th level."""
    found = PRICE_MATCHES.fullmatch(price_match)
    if found is None:
        raise Rejected(-5037, "Invalid price match")
    level = int(found[2] or 1)
    if level > quote.levels:
        raise Rejected(-5041, "No depth matches this BBO order")
    away = (level - 1) * quote.gap
    return quote.ask + away if (found[1] == "OPPONENT") is (side == "BUY") else quote.bid - away


def check_price(price: int, rules: FuturesRules) -> None:
    """Raise what PRICE_FILTER and the precision say."""
    if price % rules.price_grain:
        raise Rejected(-1111, "Precision is over the maximum defined for this asset.")
    if price < 0:
        raise Rejected(-4001, "Price less than 0.")
    if price < rules.min_price:
        raise Rejected(-4013, "Price less than min price.")
    if price > rules.max_price:
        raise Rejected(-4002, "Price greater than max price.")
    if rules.tick and price % rules.tick:
        raise Rejected(-4014, "Price not increased by tick size.")


def check_trigger_price(price: int, rules: FuturesRules) -> None:
    """Raise what PRICE_FILTER says of a trigger price, which has codes of its own for its bounds."""
    if price < 0:
        raise Rejected(-4006, "Stop price less than zero.")
    if price > rules.max_price:
        raise Rejected(-4007, "Stop price greater than max price.")
    check_price(price, rules)


def check_quantity(quantity: int, rules: FuturesRules, *, market: bool) -> None:
    """Raise what LOT_SIZE, for orders at market MARKET_LOT_SIZE too, and the precision say."""
    if quantity % rules.quantity_grain:
        raise Rejected(-1111, "Precision is over the maximum defined for this asset.")
    if quantity <= 0:
        raise Rejected(-4003, "Quantity less than or equal to zero.")
    check_lot(quantity, rules.lot)
    if market:
        check_lot(quantity, rules.market_lot)


def check_lot(quantity: int, lot: Lot) -> None:
    """Raise what one of the lot filters says."""
    if quantity < lot.minimum:
        raise Rejected(-4004, "Quantity less than min quantity.")
    if quantity > lot.maximum:
        raise Rejected(-4005, "Quantity greater than max quantity.")
    if lot.step and (quantity - lot.minimum) % lot.step:
        raise Rejected(-4023, "Qty not increased by step size.")


def check_percent_price(side: str, price: int, rules: FuturesRules, quote: Quote) -> None:
    """Raise what PERCENT_PRICE says: no farther from the mark price than its multipliers. ``price`` 0: at market."""
    if side == "BUY":
        cap = quote.mark * rules.price_up // SCALE
        if (price or quote.ask) > cap:
            _beyond(price, -4016, "higher", cap - cap % rules.tick, rules)
    else:
        floor = -(-quote.mark * rules.price_down // SCALE)
        if (price or quote.bid) < floor:
            _beyond(price, -4024, "lower", floor + -floor % rules.tick, rules)


def _beyond(price: int, code: int, word: str, bound: int, rules: FuturesRules) -> None:
    if not price:
        raise Rejected(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")
    raise Rejected(code, f"Limit price can't be {word} than {short(bound, rules.price_precision)}.")


def check_stop_percent(side: str, price: int, trigger: int, rules: FuturesRules) -> None:
    """Raise when the limit of a STOP or TAKE_PROFIT is farther from its trigger price than PERCENT_PRICE lets it be."""
    cap, floor = trigger * rules.price_up // SCALE, -(-trigger * rules.price_down // SCALE)
    if side == "BUY" and price > cap:
        _beyond(price, -4183, "higher", cap - cap % rules.tick, rules)
    if side == "SELL" and price < floor:
        _beyond(price, -4184, "lower", floor + -floor % rules.tick, rules)


def check_notional(notional: int, rules: FuturesRules) -> None:
    """Raise -4164 when the notional is too small. Not for orders that can only reduce."""
    if notional < rules.min_notional:
        least = short(rules.min_notional, 1)
        raise Rejected(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only)")


def check_status(status: str, *, opens: bool) -> None:
    """Raise when the symbol does not trade."""
    if status != "TRADING":
        if opens:
            raise Rejected(-4140, "Invalid symbol status for opening position.")
        raise Rejected(-4141, "Symbol is closed.")
