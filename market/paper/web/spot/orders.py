"""Signed endpoints about orders: place, test, query, cancel, cut down."""

from __future__ import annotations

from typing import Any

from market.paper.engine.amounts import text as amount
from market.paper.engine.spot.types import OrderList, SpotOrder
from market.paper.engine.types import OPEN_STATUSES
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.params import Params
from market.paper.web.spot import views
from market.paper.web.spot.account import discount_for
from market.paper.web.spot.reading import MAX_ROWS, read_cancel_id, read_new_order, read_period, read_response

RESTRICTIONS = {f"ONLY_{status}": status for status in OPEN_STATUSES}


def place(call: Call) -> dict[str, Any]:
    """POST order."""
    new = read_new_order(call)
    shape = read_response(call.params, new.type)
    call.params.require_all_read()
    call.spot.require_room(new.account_id, call.now_ms)
    order, fills = call.spot.engine.place(new, call.spot.quote(new.symbol, call.now_ms), call.now_ms)
    call.headers |= call.spot.count_order(new.account_id, call.now_ms, filled=bool(fills))
    return views.new_order(order, fills, shape)


def test(call: Call) -> dict[str, Any]:
    """POST order/test: every check of a placement, and nothing placed."""
    new = read_new_order(call)
    read_response(call.params, new.type)
    with_rates = call.params.flag("computeCommissionRates")
    call.params.require_all_read()
    call.spot.engine.check(new, call.spot.quote(new.symbol, call.now_ms))
    if not with_rates:
        return {}
    rate, none = amount(call.spot.engine.commission_rate), amount(0)
    nothing = {"maker": none, "taker": none}
    return {
        "standardCommissionForOrder": {"maker": rate, "taker": rate},
        "specialCommissionForOrder": nothing,
        "taxCommissionForOrder": nothing,
        "discount": discount_for(call, new.symbol),
    }


def query(call: Call) -> dict[str, Any]:
    """GET order, by exchange id or client id."""
    history, account_id = call.spot.history, call.account.account_id
    symbol, order_id, client_id = read_ids(call, "orderId", "origClientOrderId")
    if order_id is None:
        order = history.order_by_client_id(account_id, symbol, str(client_id))
    else:
        order = history.order_by_id(account_id, symbol, order_id)
    if order is None:
        raise errors.unknown_order()
    _require_client_id(order, client_id)
    return views.order_status(order)


def cancel(call: Call) -> dict[str, Any]:
    """DELETE order. An order of an open list takes the list with it, and the answer is about the list."""
    symbol, order_id, client_id = read_ids(call, "orderId", "origClientOrderId")
    cancel_id = read_cancel_id(call.params)
    restriction = read_restriction(call.params)
    call.params.require_all_read()
    order = open_order(call, symbol, order_id, client_id)
    require_status(order, restriction)
    pair, orders = call.spot.engine.cancel(order, call.now_ms, cancel_id=cancel_id)
    return canceled_list(pair, orders, cancel_id) if pair else views.order_canceled(order, cancel_id)


def cancel_all(call: Call) -> list[dict[str, Any]]:
    """DELETE openOrders of one symbol: orders, then lists."""
    symbol = call.params.symbol(call.spot.engine.rules)
    call.params.require_all_read()
    engine, account_id = call.spot.engine, call.account.account_id
    pairs, orders = engine.lists.of_account(account_id, symbol), engine.open_orders(account_id, symbol)
    if not orders:
        raise errors.nothing_to_cancel()
    cancel_id = read_cancel_id(Params({}))
    answers = []
    for order in orders:
        if engine.lists.get(order.order_list_id) is None:
            engine.cancel(order, call.now_ms, cancel_id=cancel_id)
            answers.append(views.order_canceled(order, cancel_id))
    for pair in pairs:
        answers.append(canceled_list(pair, engine.cancel_list(pair, call.now_ms, cancel_id=cancel_id), cancel_id))
    return answers


def amend(call: Call) -> dict[str, Any]:
    """PUT order/amend/keepPriority: less quantity, another client id, the same place in the book."""
    symbol, order_id, client_id = read_ids(call, "orderId", "origClientOrderId")
    quantity = call.params.amount("newQty")
    if quantity is None:
        raise errors.mandatory("newQty")
    new_id = read_cancel_id(call.params)
    call.params.require_all_read()
    order = open_order(call, symbol, order_id, client_id)
    former_id, engine = order.client_order_id, call.spot.engine
    execution_id = engine.amend(order, quantity, new_id, call.now_ms)
    amended: dict[str, Any] = {"transactTime": call.now_ms, "executionId": execution_id}
    amended["amendedOrder"] = views.order_amended(order, former_id)
    pair = engine.lists.get(order.order_list_id)
    return amended | {"listStatus": views.list_status(pair)} if pair else amended


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


def open_order(call: Call, symbol: str, order_id: int | None, client_id: str | None) -> SpotOrder:
    """The account's open order of that id, -2011 if there is none, -2039 if it is not of that client id as well."""
    book, account_id = call.spot.engine.books[symbol], call.account.account_id
    order = book.by_client_id(account_id, str(client_id)) if order_id is None else book.by_id(account_id, order_id)
    if order is None:
        raise errors.nothing_to_cancel()
    _require_client_id(order, client_id)
    return order


def read_ids(call: Call, id_name: str, client_id_name: str) -> tuple[str, int | None, str | None]:
    """Symbol, exchange id and client id of an order; one of the two ids must be sent."""
    symbol = call.params.symbol(call.spot.engine.rules)
    order_id, client_id = call.params.integer(id_name), call.params.text(client_id_name)
    if order_id is None and client_id is None:
        raise errors.either(client_id_name, id_name)
    return symbol, order_id, client_id


def read_restriction(params: Params) -> str | None:
    """The only status in which an order may be cancelled, if the client wants so."""
    value = params.text("cancelRestrictions")
    if value is not None and value not in RESTRICTIONS:
        raise ApiError(-1145, "Invalid cancelRestrictions")
    return RESTRICTIONS[value] if value else None


def require_status(order: SpotOrder, status: str | None) -> None:
    """Raise -2011 when the order must not be cancelled in the status it has."""
    if status and order.status != status:
        raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")


def canceled_list(pair: OrderList, orders: list[SpotOrder], cancel_id: str) -> dict[str, Any]:
    """The answer to the cancellation of a list."""
    return views.order_list(pair, [views.order_canceled(order, cancel_id) for order in orders])


def _require_client_id(order: SpotOrder, client_id: str | None) -> None:
    if client_id is not None and order.client_order_id != client_id:
        raise ApiError(-2039, "Client order ID is not correct for this order ID.")
