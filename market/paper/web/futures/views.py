"""How orders, conditional orders and fills look on the futures wire."""

from __future__ import annotations

from typing import Any

from market.paper.engine.amounts import short
from market.paper.engine.futures.rules import FuturesRules
from market.paper.engine.futures.types import AlgoOrder, FuturesOrder
from market.paper.engine.types import Fill
from market.paper.web.futures import formats

TRAILING = "TRAILING_STOP_MARKET"
ALL_CANCELED = {"code": 200, "msg": "The operation of cancel all open order is done."}
SUCCESS = {"code": 200, "msg": "success"}


def order_reply(rules: FuturesRules, order: FuturesOrder) -> dict[str, Any]:
    """The answer to placing and cancelling. Since 2026-06-30 it has no avgPrice and no cumQuote."""
    return _order(rules, order) | {"cumQty": formats.quantity(rules, order.executed_qty)}


def order_ack(rules: FuturesRules, order: FuturesOrder) -> dict[str, Any]:
    """The answer ACK: the order as it arrived, whatever has become of it."""
    nothing = formats.quantity(rules, 0)
    return order_reply(rules, order) | {"status": "NEW", "executedQty": nothing, "cumQty": nothing}


def order_modified(rules: FuturesRules, order: FuturesOrder) -> dict[str, Any]:
    """The answer to PUT order."""
    return order_reply(rules, order) | {"pair": order.symbol, "modifyId": order.modifications}


def order_tested(rules: FuturesRules, order: FuturesOrder) -> dict[str, Any]:
    """The answer to order/test: a dummy that still has what the real answer has lost."""
    lost = {"cumQuote": formats.quote_quantity(rules, 0), "avgPrice": formats.average_price(rules, 0)}
    return order_ack(rules, order) | lost


def order_status(rules: FuturesRules, order: FuturesOrder) -> dict[str, Any]:
    """The order as GET order, openOrder and openOrders show it."""
    return _order(rules, order) | {
        "avgPrice": formats.average_price(rules, order.average_price),
        "cumQuote": formats.quote_quantity(rules, order.cum_quote),
        "time": order.time_ms,
    }


def order_row(rules: FuturesRules, order: FuturesOrder) -> dict[str, Any]:
    """The order as allOrders shows it."""
    return order_status(rules, order) | {
        "pair": order.symbol,
        "cumBase": formats.quantity(rules, order.executed_qty),
    }


def forced_row(rules: FuturesRules, order: FuturesOrder) -> dict[str, Any]:
    """The order as forceOrders shows it."""
    absent = ("priceProtect", "priceMatch", "selfTradePreventionMode", "goodTillDate")
    return {name: value for name, value in order_row(rules, order).items() if name not in absent}


def _order(rules: FuturesRules, order: FuturesOrder) -> dict[str, Any]:
    """What all answers about an order share."""
    orig_type = order.orig_type or order.type
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": formats.price(rules, order.price),
        "origQty": formats.quantity(rules, order.orig_qty),
        "executedQty": formats.quantity(rules, order.executed_qty),
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": formats.price(rules, order.stop_price),
        "workingType": order.working_type,
        "priceProtect": order.price_protect,
        "origType": orig_type,
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.self_trade_prevention,
        "goodTillDate": order.good_till_ms,
        "updateTime": order.update_ms,
    } | (_trailing(rules, order, "priceRate") if orig_type == TRAILING else {})


def algo_reply(rules: FuturesRules, algo: AlgoOrder) -> dict[str, Any]:
    """The answer to POST algoOrder."""
    trailing = _trailing(rules, algo, "callbackRate") if algo.type == TRAILING else _no_trailing()
    return _algo(rules, algo) | trailing


def algo_row(rules: FuturesRules, algo: AlgoOrder) -> dict[str, Any]:
    """A conditional order as openAlgoOrders and allAlgoOrders show it."""
    nothing = formats.price(rules, 0)
    return _algo_status(rules, algo) | dict.fromkeys(
        ("tpTriggerPrice", "tpPrice", "slTriggerPrice", "slPrice"), nothing
    )


def algo_status(rules: FuturesRules, algo: AlgoOrder) -> dict[str, Any]:
    """A conditional order as GET algoOrder shows it."""
    actual = {"actualType": algo.actual_type, "actualQty": formats.quantity(rules, algo.actual_qty)}
    return _algo_status(rules, algo) | actual


def algo_canceled(algo: AlgoOrder) -> dict[str, Any]:
    """The answer to DELETE algoOrder; its code is a string."""
    return {"algoId": algo.algo_id, "clientAlgoId": algo.client_algo_id, "code": "200", "msg": "success"}


def _algo_status(rules: FuturesRules, algo: AlgoOrder) -> dict[str, Any]:
    return (
        _algo(rules, algo)
        | {
            "actualOrderId": str(algo.actual_order_id) if algo.actual_order_id else "",
            "actualPrice": formats.average_price(rules, algo.actual_price),
            "tpOrderType": "",
        }
        | (_trailing(rules, algo, "callbackRate") if algo.type == TRAILING else {})
    )


def _algo(rules: FuturesRules, algo: AlgoOrder) -> dict[str, Any]:
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.type,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": algo.position_side,
        "timeInForce": algo.time_in_force,
        "quantity": formats.quantity(rules, algo.quantity),
        "algoStatus": algo.status,
        "triggerPrice": formats.price(rules, algo.trigger_price),
        "price": formats.price(rules, algo.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": algo.self_trade_prevention,
        "workingType": algo.working_type,
        "priceMatch": algo.price_match,
        "closePosition": algo.close_position,
        "priceProtect": algo.price_protect,
        "reduceOnly": algo.reduce_only,
        "createTime": algo.time_ms,
        "updateTime": algo.update_ms,
        "triggerTime": algo.trigger_ms,
        "goodTillDate": algo.good_till_ms,
    }


def _trailing(rules: FuturesRules, order: FuturesOrder | AlgoOrder, rate: str) -> dict[str, str]:
    return {"activatePrice": formats.price(rules, order.activate_price), rate: short(order.callback_rate, 1)}


def _no_trailing() -> dict[str, str]:
    return {"activatePrice": "", "callbackRate": ""}


def fill_row(rules: FuturesRules, fill: Fill) -> dict[str, Any]:
    """One row of userTrades."""
    return {
        "symbol": fill.symbol,
        "pair": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "side": fill.side,
        "price": formats.price(rules, fill.price),
        "qty": formats.quantity(rules, fill.qty),
        "realizedPnl": formats.money_or_zero(fill.realized_pnl),
        "marginAsset": rules.margin_asset,
        "quoteQty": formats.quote_quantity(rules, fill.quote_qty),
        "baseQty": formats.quantity(rules, fill.qty),
        "commission": formats.money(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
        "positionSide": fill.position_side,
        "buyer": fill.side == "BUY",
        "maker": fill.is_maker,
    }
