"""Signed endpoints about orders: place, test, query, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from market.paper.engine.spot.types import NewOrder, SpotOrder
from market.paper.engine.types import Side
from market.paper.exchange import random_text
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.params import Params
from market.paper.web.spot import views

SIDES = ("BUY", "SELL")
LATER = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": ("quantity", "quoteOrderQty"),
}
BY_TYPE = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice", "trailingDelta", "icebergQty")
MAX_ROWS = 1000
DAY_MS = 86_400_000


def place(call: Call) -> dict[str, Any]:
    """POST order."""
    new = read_new_order(call)
    shape = call.params.choice("newOrderRespType", ("ACK", "RESULT", "FULL"), "")
    shape = shape or ("ACK" if new.type == "LIMIT_MAKER" else "FULL")
    call.spot.require_room(new.account_id, call.now_ms)
    order, fills = call.spot.engine.place(new, call.spot.quote(new.symbol, call.now_ms), call.now_ms)
    call.headers |= call.spot.count_order(new.account_id, call.now_ms, filled=bool(fills))
    if shape == "ACK":
        return views.order_ack(order)
    return views.order_full(order, fills) if shape == "FULL" else views.order_result(order)


def test(call: Call) -> dict[str, Any]:
    """POST order/test: every check of a placement, and nothing placed."""
    new = read_new_order(call)
    with_rates = call.params.flag("computeCommissionRates")
    call.spot.engine.check(new, call.spot.quote(new.symbol, call.now_ms))
    if not with_rates:
        return {}
    rate, none = views.amount(call.spot.engine.commission_rate), views.amount(0)
    nothing = {"maker": none, "taker": none}
    return {
        "standardCommissionForOrder": {"maker": rate, "taker": rate},
        "specialCommissionForOrder": nothing,
        "taxCommissionForOrder": nothing,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": none,
        },
    }


def query(call: Call) -> dict[str, Any]:
    """GET order, by exchange id or client id."""
    order_id, client_id, symbol = _ids(call)
    order = _found(call, symbol, order_id, client_id)
    if order is None:
        raise ApiError(-2013, "Order does not exist.")
    return views.order_status(order)


def cancel(call: Call) -> dict[str, Any]:
    """DELETE order."""
    order_id, client_id, symbol = _ids(call)
    cancel_id = call.params.matching("newClientOrderId", errors.CLIENT_ID) or random_text(22)
    restriction = call.params.choice("cancelRestrictions", ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"), "")
    book, account_id = call.spot.engine.books[symbol], call.account.account_id
    if order_id is not None:
        order = book.by_id(account_id, order_id)
        if order and client_id is not None and order.client_order_id != client_id:
            raise ApiError(-2039, "Client order ID is not correct for this order ID.")
    else:
        order = book.by_client_id(account_id, str(client_id))
    if order is None:
        raise ApiError(-2011, "Unknown order sent.")
    if restriction and restriction != f"ONLY_{order.status}":
        raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")
    return _canceled(call, order, cancel_id)


def cancel_all(call: Call) -> list[dict[str, Any]]:
    """DELETE openOrders of one symbol."""
    symbol = call.params.symbol(call.spot.engine.rules)
    orders = call.spot.engine.open_orders(call.account.account_id, symbol)
    if not orders:
        raise ApiError(-2011, "Unknown order sent.")
    return [_canceled(call, order, random_text(22)) for order in orders]


def open_orders(call: Call) -> list[dict[str, Any]]:
    """GET openOrders, of one symbol or all."""
    rules = call.spot.engine.rules
    symbol = call.params.symbol(rules) if "symbol" in call.params else None
    found = call.spot.engine.open_orders(call.account.account_id, symbol)
    return [views.order_status(order) for order in found]


def all_orders(call: Call) -> list[dict[str, Any]]:
    """GET allOrders of one symbol."""
    symbol = call.params.symbol(call.spot.engine.rules)
    from_id = call.params.integer("orderId")
    start_ms, end_ms = read_period(call.params)
    limit = call.params.limit(500, MAX_ROWS)
    found = call.spot.history.orders(
        call.account.account_id, symbol, from_id=from_id, start_ms=start_ms, end_ms=end_ms, limit=limit
    )
    return [views.order_status(order) for order in found]


def read_period(params: Params) -> tuple[int | None, int | None]:
    """startTime and endTime: at most 24 hours apart."""
    start_ms, end_ms = params.integer("startTime"), params.integer("endTime")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > DAY_MS:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    return start_ms, end_ms


def read_new_order(call: Call) -> NewOrder:
    """A well-formed order from the parameters; raises Binance's -11xx."""
    params = call.params
    symbol = params.symbol(call.spot.engine.rules)
    side = _side(params)
    kind = _type(params)
    _check_presence(params, kind)
    client_id = params.matching("newClientOrderId", errors.CLIENT_ID)
    params.choice("selfTradePreventionMode", ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"), "")
    return NewOrder(
        account_id=call.account.account_id,
        symbol=symbol,
        side=side,
        type=kind,
        client_order_id=client_id or random_text(22),
        time_in_force=_time_in_force(params),
        quantity=params.amount("quantity"),
        quote_order_qty=params.amount("quoteOrderQty"),
        price=params.amount("price"),
    )


def _side(params: Params) -> Side:
    side = params.required("side")
    if side not in SIDES:
        raise ApiError(-1117, "Invalid side.")
    return cast(Side, side)


def _type(params: Params) -> str:
    kind = params.required("type")
    if kind in LATER:
        raise ApiError(-1116, "Unsupported order type for this symbol.")
    if kind not in ALLOWED:
        raise ApiError(-1116, "Invalid orderType.")
    return kind


def _time_in_force(params: Params) -> str:
    value = params.text("timeInForce") or "GTC"
    if value not in TIMES_IN_FORCE:
        raise ApiError(-1115, "Invalid timeInForce.")
    return value


def _check_presence(params: Params, kind: str) -> None:
    for name in BY_TYPE:
        if name in params and name not in ALLOWED[kind]:
            raise errors.not_required(name)
    if kind == "MARKET":
        if params.text("quantity") is None and params.text("quoteOrderQty") is None:
            raise errors.either("quantity", "quoteOrderQty")
        if "quantity" in params and "quoteOrderQty" in params:
            raise errors.bad_combination()
        return
    for name in ALLOWED[kind]:
        params.required(name)


def _canceled(call: Call, order: SpotOrder, cancel_id: str) -> dict[str, Any]:
    call.spot.engine.cancel(order, call.now_ms, cancel_id=cancel_id)
    return views.order_canceled(order, cancel_id)


def _ids(call: Call) -> tuple[int | None, str | None, str]:
    symbol = call.params.symbol(call.spot.engine.rules)
    order_id = call.params.integer("orderId")
    client_id = call.params.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise errors.either("origClientOrderId", "orderId")
    return order_id, client_id, symbol


def _found(call: Call, symbol: str, order_id: int | None, client_id: str | None) -> SpotOrder | None:
    history, account_id = call.spot.history, call.account.account_id
    if order_id is None:
        return history.order_by_client_id(account_id, symbol, str(client_id))
    order = history.order_by_id(account_id, symbol, order_id)
    if order and client_id is not None and order.client_order_id != client_id:
        raise ApiError(-2039, "Client order ID is not correct for this order ID.")
    return order
