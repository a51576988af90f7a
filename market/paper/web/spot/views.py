"""How orders, fills and balances look on Binance's wire: decimals as strings, ids and times as numbers."""

from __future__ import annotations

from typing import Any

from market.paper.engine.amounts import text as amount
from market.paper.engine.spot.types import NO_LIST, Balance, SpotOrder
from market.paper.engine.types import Fill


def order_ack(order: SpotOrder) -> dict[str, Any]:
    """The ACK answer to a new order."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.time_ms,
    }


def order_result(order: SpotOrder) -> dict[str, Any]:
    """The RESULT answer to a new order."""
    working = {"workingTime": order.working_ms} if order.is_working else {}
    return order_ack(order) | _amounts(order) | working | {"selfTradePreventionMode": order.self_trade_prevention}


def order_full(order: SpotOrder, fills: list[Fill]) -> dict[str, Any]:
    """The FULL answer to a new order."""
    return order_result(order) | {
        "fills": [
            {
                "price": amount(fill.price),
                "qty": amount(fill.qty),
                "commission": amount(fill.commission),
                "commissionAsset": fill.commission_asset,
                "tradeId": fill.trade_id,
            }
            for fill in fills
        ]
    }


def order_status(order: SpotOrder) -> dict[str, Any]:
    """The order as GET order, openOrders and allOrders show it."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "stopPrice": amount(order.stop_price),
        "icebergQty": amount(order.iceberg_qty),
        "time": order.time_ms,
        "updateTime": order.update_ms,
        "isWorking": order.is_working,
        "workingTime": order.working_ms,
        "selfTradePreventionMode": order.self_trade_prevention,
    } | _amounts(order)


def order_canceled(order: SpotOrder, cancel_id: str) -> dict[str, Any]:
    """The answer to a cancel: ``clientOrderId`` is the cancel's own id."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": cancel_id,
        "transactTime": order.update_ms,
        "selfTradePreventionMode": order.self_trade_prevention,
    } | _amounts(order)


def _amounts(order: SpotOrder) -> dict[str, str]:
    """What all answers about an order share. The spelling of cummulativeQuoteQty is Binance's."""
    return {
        "price": amount(order.price),
        "origQty": amount(order.orig_qty),
        "executedQty": amount(order.executed_qty),
        "origQuoteOrderQty": amount(order.orig_quote_order_qty),
        "cummulativeQuoteQty": amount(order.cum_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def fill_row(fill: Fill) -> dict[str, Any]:
    """One row of myTrades."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": NO_LIST,
        "price": amount(fill.price),
        "qty": amount(fill.qty),
        "quoteQty": amount(fill.quote_qty),
        "commission": amount(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
        "isBuyer": fill.side == "BUY",
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def balance_row(balance: Balance) -> dict[str, str]:
    """One row of the account's balances."""
    return {"asset": balance.asset, "free": amount(balance.free), "locked": amount(balance.locked)}
