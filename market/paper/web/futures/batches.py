"""Signed endpoints about several orders at once: each is placed, modified or cancelled for itself, or says why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from market.paper.engine.types import Rejected
from market.paper.prices.types import NoPrice
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.futures.orders import cancel_order, modify_order, place_order
from market.paper.web.params import LARGEST, Params

MOST_ORDERS = 5
MOST_CANCELS = 10
ANY_JSON = r"^\[.*\]$"


def place(call: Call) -> list[dict[str, Any]]:
    """POST batchOrders. A full meter refuses the whole; one that fills on the way refuses the rest, one by one."""
    orders = _read_orders(call.params)
    call.futures.require_room(call.account.account_id, call.now_ms)
    return [_tried(partial(place_order, call, params)) for params in orders]


def modify(call: Call) -> list[dict[str, Any]]:
    """PUT batchOrders. A full meter refuses the whole."""
    orders = _read_orders(call.params)
    call.futures.require_room(call.account.account_id, call.now_ms)
    return [_tried(partial(modify_order, call, params)) for params in orders]


def cancel(call: Call) -> list[dict[str, Any]]:
    """DELETE batchOrders, by exchange ids or client ids."""
    symbol = call.params.symbol(call.futures.engine.rules)
    ids = _read_ids(call.params, "orderIdList")
    client_ids = _read_ids(call.params, "origClientOrderIdList")
    if not ids and not client_ids:
        raise errors.either("orderIdList", "origClientOrderIdList")
    wanted: list[dict[str, Any]] = [{"order_id": _number(each)} for each in ids]
    wanted = wanted or [{"client_order_id": each} for each in client_ids]
    return [_tried(partial(_cancel_by, call, symbol, by)) for by in wanted]


def _cancel_by(call: Call, symbol: str, by: dict[str, Any]) -> dict[str, Any]:
    return cancel_order(call, call.futures.engine.open_order(call.account.account_id, symbol, **by))


def _tried(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return act()
    except (ApiError, Rejected) as error:
        return {"code": error.code, "msg": error.msg}
    except NoPrice:
        return {"code": -1008, "msg": "There is no price: the followed exchange is silent."}


def _read_orders(params: Params) -> list[Params]:
    """One to five objects; every value as the text it would have as a parameter."""
    rows = _read_list("batchOrders", params.required("batchOrders"))
    if not 1 <= len(rows) <= MOST_ORDERS:
        raise ApiError(-4082, "Invalid number of batch place orders.")
    if not all(isinstance(row, dict) for row in rows):
        raise errors.invalid("batchOrders")
    return [Params({name: _text(value) for name, value in row.items() if value is not None}) for row in rows]


def _read_ids(params: Params, name: str) -> list[str]:
    """Up to ten ids. Binance takes the name in small letters too, and some clients send it so."""
    text = params.text(name) or params.text(name.lower())
    rows = _read_list(name, text) if text else []
    if len(rows) > MOST_CANCELS:
        raise ApiError(-4032, "Exceed maximum cancel order size.")
    return [_text(row) for row in rows]


def _read_list(name: str, text: str) -> list[Any]:
    try:
        # Numbers stay the text they are: no float ever.
        rows = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise errors.illegal(name, ANY_JSON) from error
    if not isinstance(rows, list):
        raise errors.invalid(name)
    return rows


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise errors.invalid("batchOrders")


def _number(text: str) -> int:
    """An id; 0, which nothing has, when it is none."""
    return min(int(text), LARGEST) if text.isascii() and text.isdecimal() and len(text) <= 20 else 0
