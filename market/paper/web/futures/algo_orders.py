"""Signed endpoints about conditional orders: place, cancel, query."""

from __future__ import annotations

from typing import Any

from market.paper.engine.futures.tables import ALGO_ORDERS
from market.paper.engine.futures.types import AlgoOrder
from market.paper.history import UNFILLED_SINCE
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.futures import reading, views
from market.paper.web.futures.order_reading import new_algo_order
from market.paper.web.futures.orders import MAX_ROWS, count_order, rules_of

TOLD = UNFILLED_SINCE.format(filled="actual_qty")


def place(call: Call) -> dict[str, Any]:
    """POST algoOrder."""
    new = new_algo_order(call.params, call.account.account_id, call.futures.engine.rules)
    call.futures.require_room(new.account_id, call.now_ms)
    algo = call.futures.engine.place_algo(new, call.futures.quote(new.symbol, call.now_ms), call.now_ms)
    count_order(call)
    return views.algo_reply(rules_of(call, algo.symbol), algo)


def cancel(call: Call) -> dict[str, Any]:
    """DELETE algoOrder."""
    algo = _open_algo(call)
    if algo is None:
        raise ApiError(-2011, "Unknown order sent.")
    return views.algo_canceled(call.futures.engine.cancel_algo(algo, call.now_ms))


def cancel_all(call: Call) -> dict[str, Any]:
    """DELETE algoOpenOrders of one symbol; that there are none is fine."""
    symbol = call.params.symbol(call.futures.engine.rules)
    call.futures.engine.cancel_all_algos(call.account.account_id, symbol, call.now_ms)
    return views.ALL_CANCELED


def query(call: Call) -> dict[str, Any]:
    """GET algoOrder, by exchange id or client id."""
    algo = _open_algo(call) or _past_algo(call)
    if algo is None:
        raise ApiError(-2013, "Order does not exist.")
    return views.algo_status(rules_of(call, algo.symbol), algo)


def open_algos(call: Call) -> list[dict[str, Any]]:
    """GET openAlgoOrders, of one symbol or all, or the one with ``algoId``."""
    params = call.params
    symbol = reading.optional_symbol(params, call.futures.engine.rules)
    algo_id, kind = params.integer("algoId"), params.text("algoType")
    found = call.futures.engine.open_algos(call.account.account_id, symbol) if kind in (None, "CONDITIONAL") else []
    return [
        views.algo_row(rules_of(call, algo.symbol), algo)
        for algo in found
        if algo_id is None or algo.algo_id == algo_id
    ]


def all_algos(call: Call) -> list[dict[str, Any]]:
    """GET allAlgoOrders of one symbol: from ``algoId`` or ``startTime`` on the oldest, else the newest."""
    params = call.params
    symbol = params.symbol(call.futures.engine.rules)
    from_id, page = params.integer("algoId"), params.integer("page") or 1
    period, limit = reading.period(params, call.now_ms, from_id=from_id), reading.limit(params, 500, MAX_ROWS)
    where = ["account_id = ?", "symbol = ?", "time_ms >= ?", TOLD]
    unfilled_since_ms = reading.told_since(call.now_ms)["unfilled_since_ms"]
    values = [call.account.account_id, symbol, max(period.first_ms, period.start_ms or 0), unfilled_since_ms]
    for sql, value in (("algo_id >= ?", from_id), ("time_ms <= ?", period.end_ms)):
        if value is not None:
            where.append(sql)
            values.append(value)
    oldest = from_id is not None or period.start_ms is not None
    way = "ASC" if oldest else "DESC"
    found: list[AlgoOrder] = call.exchange.ledger.things(
        ALGO_ORDERS,
        f"{' AND '.join(where)} ORDER BY time_ms {way}, algo_id {way} LIMIT ? OFFSET ?",
        [*values, limit, reading.offset(page, limit)],
    )
    return [views.algo_row(rules_of(call, algo.symbol), algo) for algo in (found if oldest else found[::-1])]


def _open_algo(call: Call) -> AlgoOrder | None:
    algo_id, client_id = _ids(call)
    return call.futures.engine.open_algo(call.account.account_id, algo_id=algo_id or 0, client_algo_id=client_id or "")


def _past_algo(call: Call) -> AlgoOrder | None:
    """The newest of that client id: ids may be used again once their order has ended."""
    algo_id, client_id = _ids(call)
    by, value = ("algo_id = ?", algo_id) if algo_id is not None else ("client_algo_id = ?", client_id)
    where = f"account_id = ? AND {by} AND time_ms >= ? AND {TOLD} ORDER BY algo_id DESC LIMIT 1"
    since = reading.told_since(call.now_ms)
    values = [call.account.account_id, value, since["start_ms"], since["unfilled_since_ms"]]
    found: list[AlgoOrder] = call.exchange.ledger.things(ALGO_ORDERS, where, values)
    return found[0] if found else None


def _ids(call: Call) -> tuple[int | None, str | None]:
    algo_id, client_id = call.params.integer("algoId"), call.params.text("clientAlgoId")
    if algo_id is None and client_id is None:
        raise errors.either("algoId", "clientAlgoId")
    return algo_id, client_id
