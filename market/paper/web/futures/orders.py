"""Signed endpoints about orders: place, test, modify, cancel, query."""

from __future__ import annotations

from typing import Any

from market.paper.engine.futures.rules import FuturesRules
from market.paper.engine.futures.types import FuturesOrder, NewFuturesOrder
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.futures import reading, views
from market.paper.web.futures.order_reading import new_order, read_shape, read_side
from market.paper.web.params import Params

MAX_ROWS = 1000


def place(call: Call) -> dict[str, Any]:
    """POST order."""
    return place_order(call, call.params)


def place_order(call: Call, params: Params) -> dict[str, Any]:
    """Place the order that ``params`` describe; batches have several of them."""
    new = new_order(params, call.account.account_id, call.futures.engine.rules)
    shape = read_shape(params)
    call.futures.require_room(new.account_id, call.now_ms)
    order, _ = call.futures.engine.place(new, call.futures.quote(new.symbol, call.now_ms), call.now_ms)
    count_order(call)
    rules = rules_of(call, new.symbol)
    # Only what cannot rest is waited for.
    final = shape == "RESULT" and (order.type == "MARKET" or order.time_in_force in ("IOC", "FOK"))
    return views.order_reply(rules, order) if final else views.order_ack(rules, order)


def test(call: Call) -> dict[str, Any]:
    """POST order/test: every check of a placement, and nothing placed."""
    new = new_order(call.params, call.account.account_id, call.futures.engine.rules)
    read_shape(call.params)
    call.futures.engine.check(new, call.futures.quote(new.symbol, call.now_ms), call.now_ms)
    return views.order_tested(rules_of(call, new.symbol), _imagined(new, call.now_ms))


def modify(call: Call) -> dict[str, Any]:
    """PUT order."""
    return modify_order(call, call.params)


def modify_order(call: Call, params: Params) -> dict[str, Any]:
    """Give an open LIMIT order another quantity and price."""
    symbol, side = params.symbol(call.futures.engine.rules), read_side(params)
    quantity, price = reading.required_amount(params, "quantity"), reading.required_amount(params, "price")
    order = open_order(call, params, symbol)
    if order is None:
        raise ApiError(-2013, "Order does not exist.")
    if params.flag("reduceOnly") and not order.reduce_only:
        raise ApiError(-5047, "The original order is not a reduce-only order")
    call.futures.require_room(order.account_id, call.now_ms)
    quote = call.futures.quote(symbol, call.now_ms)
    order, _ = call.futures.engine.modify(order, side, quantity, price, quote, call.now_ms)
    count_order(call)
    return views.order_modified(rules_of(call, symbol), order)


def cancel(call: Call) -> dict[str, Any]:
    """DELETE order."""
    symbol = call.params.symbol(call.futures.engine.rules)
    return cancel_order(call, open_order(call, call.params, symbol))


def cancel_order(call: Call, order: FuturesOrder | None) -> dict[str, Any]:
    """Cancel an open order; -2011 when there is none."""
    if order is None:
        raise ApiError(-2011, "Unknown order sent.")
    order = call.futures.engine.cancel(order, call.now_ms)
    return views.order_reply(rules_of(call, order.symbol), order)


def cancel_all(call: Call) -> dict[str, Any]:
    """DELETE allOpenOrders of one symbol; that there are none is fine."""
    symbol = call.params.symbol(call.futures.engine.rules)
    call.futures.engine.cancel_all(call.account.account_id, symbol, call.now_ms)
    return views.ALL_CANCELED


def query(call: Call) -> dict[str, Any]:
    """GET order, by exchange id or client id."""
    symbol = call.params.symbol(call.futures.engine.rules)
    order = open_order(call, call.params, symbol) or _past_order(call, symbol)
    if order is None:
        raise ApiError(-2013, "Order does not exist.")
    return views.order_status(rules_of(call, symbol), order)


def query_open(call: Call) -> dict[str, Any]:
    """GET openOrder."""
    symbol = call.params.symbol(call.futures.engine.rules)
    order = open_order(call, call.params, symbol)
    if order is None:
        raise ApiError(-2013, "Order does not exist.")
    return views.order_status(rules_of(call, symbol), order)


def open_orders(call: Call) -> list[dict[str, Any]]:
    """GET openOrders, of one symbol or all."""
    symbol = reading.optional_symbol(call.params, call.futures.engine.rules)
    found = call.futures.engine.open_orders(call.account.account_id, symbol)
    return [views.order_status(rules_of(call, order.symbol), order) for order in found]


def all_orders(call: Call) -> list[dict[str, Any]]:
    """GET allOrders, of one symbol or all."""
    params = call.params
    symbol = reading.optional_symbol(params, call.futures.engine.rules)
    from_id = params.integer("orderId")
    period = reading.period(params, call.now_ms, from_id=from_id)
    found = call.futures.history.orders(
        call.account.account_id,
        symbol,
        from_id=from_id,
        start_ms=period.start_ms,
        end_ms=period.end_ms,
        unfilled_since_ms=reading.told_since(call.now_ms)["unfilled_since_ms"],
        limit=reading.limit(params, 500, MAX_ROWS),
    )
    return [views.order_row(rules_of(call, row.symbol), row) for row in found if row.time_ms >= period.first_ms]


def rules_of(call: Call, symbol: str) -> FuturesRules:
    """The rules of a symbol."""
    return call.futures.engine.rules[symbol]


def count_order(call: Call) -> None:
    """Count a placement in the order meters, filled or not, and tell it in the headers."""
    call.headers |= call.futures.count_order(call.account.account_id, call.now_ms, filled=False)


def open_order(call: Call, params: Params, symbol: str) -> FuturesOrder | None:
    """The open order that orderId or origClientOrderId name; -2039 when they name different ones."""
    order_id, client_id = params.integer("orderId"), params.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise errors.either("origClientOrderId", "orderId")
    by = {"client_order_id": str(client_id)} if order_id is None else {"order_id": order_id}
    return _agreed(call.futures.engine.open_order(call.account.account_id, symbol, **by), order_id, client_id)


def _past_order(call: Call, symbol: str) -> FuturesOrder | None:
    history, account_id = call.futures.history, call.account.account_id
    order_id, client_id = call.params.integer("orderId"), call.params.text("origClientOrderId")
    since = reading.told_since(call.now_ms)
    if order_id is None:
        return history.order_by_client_id(account_id, symbol, str(client_id), **since)
    return _agreed(history.order_by_id(account_id, symbol, order_id, **since), order_id, client_id)


def _agreed(order: FuturesOrder | None, order_id: int | None, client_id: str | None) -> FuturesOrder | None:
    if order and order_id is not None and client_id is not None and order.client_order_id != client_id:
        raise ApiError(-2039, "Client order ID is not correct for this order ID.")
    return order


def _imagined(new: NewFuturesOrder, now_ms: int) -> FuturesOrder:
    """What a tested order would look like."""
    return FuturesOrder(
        order_id=0,
        account_id=new.account_id,
        symbol=new.symbol,
        client_order_id=new.client_order_id,
        side=new.side,
        type=new.type,
        time_in_force=new.time_in_force,
        status="NEW",
        price=new.price or 0,
        orig_qty=new.quantity or 0,
        time_ms=now_ms,
        update_ms=now_ms,
        position_side=new.position_side,
        reduce_only=new.reduce_only,
        price_match=new.price_match,
        self_trade_prevention=new.self_trade_prevention,
        good_till_ms=new.good_till_ms,
    )
