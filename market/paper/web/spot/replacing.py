"""POST order/cancelReplace: cancel one order and place another, and say of both how it went."""

from __future__ import annotations

from typing import Any

import orjson

from market.paper.engine.spot.types import NewOrder
from market.paper.engine.types import Rejected
from market.paper.web.call import Call, Reply
from market.paper.web.errors import ApiError
from market.paper.web.spot import views
from market.paper.web.spot.orders import open_order, read_ids, read_restriction, require_status
from market.paper.web.spot.reading import read_cancel_id, read_new_order, read_response

MODES = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
SUCCESS, FAILURE, NOT_ATTEMPTED = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"

# One half of the whole: how it went, and the answer to it.
Half = tuple[str, dict[str, Any] | None]


def cancel_replace(call: Call) -> dict[str, Any] | Reply:
    """Filters and order counts are judged before anything is done: what fails there leaves the old order alone."""
    params = call.params
    new = read_new_order(call)
    mode = params.required("cancelReplaceMode")
    params.choice("cancelReplaceMode", MODES, "")
    _, order_id, client_id = read_ids(call, "cancelOrderId", "cancelOrigClientOrderId")
    cancel_id = read_cancel_id(params, "cancelNewClientOrderId")
    restriction = read_restriction(params)
    shape = read_response(params, new.type)
    cancel_anyway = params.choice("orderRateLimitExceededMode", ("DO_NOTHING", "CANCEL_ONLY"), "") == "CANCEL_ONLY"
    params.require_all_read()
    call.spot.engine.check_filters(new, call.spot.quote(new.symbol, call.now_ms))
    if not cancel_anyway:
        call.spot.require_room(new.account_id, call.now_ms)
    canceled = _cancel(call, new.symbol, order_id, client_id, restriction, cancel_id)
    placed: Half = NOT_ATTEMPTED, None
    if canceled[0] == SUCCESS or mode == "ALLOW_FAILURE":
        placed = _place(call, new, shape)
    else:
        # It counts, as on Binance, though it was never tried.
        call.headers |= call.spot.count_order(new.account_id, call.now_ms, filled=False)
    return _answer(call, canceled, placed)


def _cancel(
    call: Call, symbol: str, order_id: int | None, client_id: str | None, restriction: str | None, cancel_id: str
) -> Half:
    try:
        order = open_order(call, symbol, order_id, client_id)
        require_status(order, restriction)
    except ApiError as error:
        return FAILURE, _error(error)
    call.spot.engine.cancel(order, call.now_ms, cancel_id=cancel_id)
    return SUCCESS, views.order_canceled(order, cancel_id)


def _place(call: Call, new: NewOrder, shape: str) -> Half:
    try:
        call.spot.require_room(new.account_id, call.now_ms)
        order, fills = call.spot.engine.place(new, call.spot.quote(new.symbol, call.now_ms), call.now_ms)
    except (ApiError, Rejected) as error:
        return FAILURE, _error(error)
    call.headers |= call.spot.count_order(new.account_id, call.now_ms, filled=bool(fills))
    return SUCCESS, views.new_order(order, fills, shape)


def _answer(call: Call, canceled: Half, placed: Half) -> dict[str, Any] | Reply:
    results = {"cancelResult": canceled[0], "newOrderResult": placed[0]}
    data = results | {"cancelResponse": canceled[1], "newOrderResponse": placed[1]}
    if canceled[0] == placed[0] == SUCCESS:
        return data
    partly = SUCCESS in (canceled[0], placed[0])
    code, msg = (-2021, "Order cancel-replace partially failed.") if partly else (-2022, "Order cancel-replace failed.")
    status = 409 if partly else 400
    if placed[1] and placed[1].get("code") == -1015:
        status = 429
    return Reply(orjson.dumps({"code": code, "msg": msg, "data": data}), status, call.headers)


def _error(error: ApiError | Rejected) -> dict[str, Any]:
    return {"code": error.code, "msg": error.msg}
