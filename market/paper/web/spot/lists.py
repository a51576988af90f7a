"""Signed endpoints about order lists: OCO pairs, placed, queried, cancelled."""

from __future__ import annotations

from typing import Any

from market.paper.engine.spot.tables import ORDER_LISTS
from market.paper.engine.spot.types import NewList, NewOrder, OrderList
from market.paper.engine.types import Side
from market.paper.exchange import random_text
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.params import Params
from market.paper.web.spot import views
from market.paper.web.spot.orders import canceled_list
from market.paper.web.spot.reading import (
    MAX_ROWS,
    NAMES,
    RESPONSES,
    read_cancel_id,
    read_period,
    read_side,
    read_terms,
    refuse_pegs,
)

STOPS = ("STOP_LOSS", "STOP_LOSS_LIMIT")
PROFITS = ("TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
LEG_TYPES = ("LIMIT_MAKER", *STOPS, *PROFITS)
# What a leg of the deprecated form calls what it has.
OLD_LIMIT = {
    "price": "price",
    "newClientOrderId": "limitClientOrderId",
    "icebergQty": "limitIcebergQty",
    "strategyId": "limitStrategyId",
    "strategyType": "limitStrategyType",
}
OLD_STOP = {
    "stopPrice": "stopPrice",
    "trailingDelta": "trailingDelta",
    "price": "stopLimitPrice",
    "timeInForce": "stopLimitTimeInForce",
    "newClientOrderId": "stopClientOrderId",
    "icebergQty": "stopIcebergQty",
    "strategyId": "stopStrategyId",
    "strategyType": "stopStrategyType",
}


def place(call: Call) -> dict[str, Any]:
    """POST orderList/oco."""
    params = call.params
    symbol = params.symbol(call.spot.engine.rules)
    side = read_side(params)
    params.required("quantity")
    above, below = (_leg_type(params, name) for name in ("aboveType", "belowType"))
    _check_types(side, above, below)
    refuse_pegs(params, "above", "below")
    legs = [
        read_terms(call, symbol, side, kind, leg_names(prefix)) for prefix, kind in (("above", above), ("below", below))
    ]
    stop, other = sorted(legs, key=lambda leg: leg.type not in STOPS)
    return _place(call, stop, other, shape=params.choice("newOrderRespType", RESPONSES, "RESULT"))


def place_old(call: Call) -> dict[str, Any]:
    """POST order/oco, the deprecated form: always a LIMIT_MAKER and a stop."""
    params = call.params
    symbol = params.symbol(call.spot.engine.rules)
    side = read_side(params)
    for name in ("quantity", "price", "stopPrice"):
        params.required(name)
    kind = "STOP_LOSS_LIMIT" if "stopLimitPrice" in params else "STOP_LOSS"
    quantity = {"quantity": "quantity"}
    stop = read_terms(call, symbol, side, kind, OLD_STOP | quantity)
    other = read_terms(call, symbol, side, "LIMIT_MAKER", OLD_LIMIT | quantity)
    return _place(call, stop, other, shape=params.choice("newOrderRespType", RESPONSES, "RESULT"))


def query(call: Call) -> dict[str, Any]:
    """GET orderList."""
    list_id, client_id = _read_ids(call.params, "origClientOrderId")
    where, value = ("order_list_id = ?", list_id) if list_id is not None else ("client_order_id = ?", client_id)
    found = _past(call, f"{where} ORDER BY order_list_id DESC LIMIT 1", value)
    if not found or (client_id is not None and found[0].client_order_id != client_id):
        raise ApiError(-2018, "Order list does not exist.")
    return views.order_list(found[0])


def open_lists(call: Call) -> list[dict[str, Any]]:
    """GET openOrderList."""
    return [views.order_list(pair) for pair in call.spot.engine.lists.of_account(call.account.account_id)]


def all_lists(call: Call) -> list[dict[str, Any]]:
    """GET allOrderList, oldest first."""
    params = call.params
    from_id, limit = params.integer("fromId"), params.limit(500, MAX_ROWS)
    start_ms, end_ms = read_period(params)
    if from_id is not None and (start_ms is not None or end_ms is not None):
        raise errors.bad_combination()
    bounds = (("order_list_id >= ?", from_id), ("update_ms >= ?", start_ms), ("update_ms <= ?", end_ms))
    asked = [(sql, value) for sql, value in bounds if value is not None]
    oldest = from_id is not None or start_ms is not None
    where = " AND ".join(["1", *(sql for sql, _ in asked)])
    way = "ASC" if oldest else "DESC"
    found = _past(call, f"{where} ORDER BY order_list_id {way} LIMIT ?", *(value for _, value in asked), limit)
    return [views.order_list(pair) for pair in (found if oldest else reversed(found))]


def cancel(call: Call) -> dict[str, Any]:
    """DELETE orderList."""
    engine, account_id = call.spot.engine, call.account.account_id
    symbol = call.params.symbol(engine.rules)
    list_id, client_id = _read_ids(call.params, "listClientOrderId")
    cancel_id = read_cancel_id(call.params)
    call.params.require_all_read()
    if list_id is not None:
        pair = engine.lists.by_id(account_id, list_id)
    else:
        pair = engine.lists.by_client_id(account_id, str(client_id))
    if pair is None or pair.symbol != symbol or (client_id is not None and pair.client_order_id != client_id):
        raise errors.nothing_to_cancel()
    return canceled_list(pair, engine.cancel_list(pair, call.now_ms, cancel_id=cancel_id), cancel_id)


def leg_names(prefix: str) -> dict[str, str]:
    """What the parameters of one leg are called: abovePrice, aboveClientOrderId ..., and quantity for both."""
    names = {name: prefix + name[0].upper() + name[1:] for name in NAMES if name != "quoteOrderQty"}
    return names | {"quantity": "quantity", "newClientOrderId": f"{prefix}ClientOrderId"}


def _place(call: Call, stop: NewOrder, other: NewOrder, *, shape: str) -> dict[str, Any]:
    client_id = call.params.matching("listClientOrderId", errors.CLIENT_ID) or random_text(22)
    call.params.require_all_read()
    venue, account_id = call.spot, stop.account_id
    venue.require_room(account_id, call.now_ms)
    quote = venue.quote(stop.symbol, call.now_ms)
    pair, orders = venue.engine.place_list(NewList(client_id, stop, other), quote, call.now_ms)
    for _ in orders:
        call.headers |= venue.count_order(account_id, call.now_ms, filled=False)
    return views.order_list(pair, [views.new_order(order, [], shape) for order in orders])


def _leg_type(params: Params, name: str) -> str:
    kind = params.required(name)
    if kind not in LEG_TYPES:
        raise ApiError(-1158, "Order type not supported in OCO.")
    return kind


def _check_types(side: Side, above: str, below: str) -> None:
    """Each type has its place, above or below the market."""
    selling = side == "SELL"
    kinds = (above, below)
    if not any(kind in STOPS for kind in kinds) and "LIMIT_MAKER" in kinds and len(set(kinds)) == 1:
        raise ApiError(-1168, "At least one OCO order must be contingent.")
    profit, stop = (above, below) if selling else (below, above)
    if stop == "LIMIT_MAKER":
        where = "sell OCO must be above" if selling else "buy OCO must be below"
        raise ApiError(-1166 if selling else -1165, f"A limit order in a {where}.")
    if profit in STOPS:
        where = "sell OCO must be below" if selling else "buy OCO must be above"
        raise ApiError(-1197 if selling else -1196, f"A stop loss order in a {where}.")
    if stop in PROFITS:
        where = "sell OCO must be above" if selling else "buy OCO must be below"
        raise ApiError(-1199 if selling else -1198, f"A take profit order in a {where}.")


def _read_ids(params: Params, client_id_name: str) -> tuple[int | None, str | None]:
    list_id, client_id = params.integer("orderListId"), params.text(client_id_name)
    if list_id is None and client_id is None:
        raise errors.either(client_id_name, "orderListId")
    return list_id, client_id


def _past(call: Call, where: str, *values: object) -> list[OrderList]:
    things: list[OrderList] = call.exchange.ledger.things(
        ORDER_LISTS, f"account_id = ? AND {where}", [call.account.account_id, *values]
    )
    return things
