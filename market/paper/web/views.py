"""How orders, fills and balances look on Binance's wire: decimals as strings, ids and times as numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from market.paper.engine.types import Balance, Fill, Order

SELF_TRADE_PREVENTION = "EXPIRE_MAKER"
NO_LIST = -1


def amount(value: Decimal) -> str:
    """Eight decimals, never an exponent."""
    return format(value, ".8f")


def order_ack(order: Order) -> dict[str, Any]:
    """The ACK answer to a new order."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.client_order_id,
        "transactTime": order.time_ms,
    }


def order_result(order: Order) -> dict[str, Any]:
    """The RESULT answer to a new order."""
    return order_ack(order) | {
        "price": amount(order.price),
        "origQty": amount(order.orig_qty),
        "executedQty": amount(order.executed_qty),
        "origQuoteOrderQty": amount(order.orig_quote_order_qty),
        "cummulativeQuoteQty": amount(order.cummulative_quote_qty),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "workingTime": order.time_ms,
        "selfTradePreventionMode": SELF_TRADE_PREVENTION,
    }


def order_full(order: Order, fills: list[Fill]) -> dict[str, Any]:
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


def order_status(order: Order) -> dict[str, Any]:
    """The order as GET order, openOrders and allOrders show it."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.client_order_id,
        "price": amount(order.price),
        "origQty": amount(order.orig_qty),
        "executedQty": amount(order.executed_qty),
        "cummulativeQuoteQty": amount(order.cummulative_quote_qty),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": order.time_ms,
        "updateTime": order.update_ms,
        "isWorking": True,
        "workingTime": order.time_ms,
        "origQuoteOrderQty": amount(order.orig_quote_order_qty),
        "selfTradePreventionMode": SELF_TRADE_PREVENTION,
    }


def order_canceled(order: Order, cancel_id: str) -> dict[str, Any]:
    """The answer to a cancel: ``clientOrderId`` is the cancel's own id."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": cancel_id,
        "transactTime": order.update_ms,
        "price": amount(order.price),
        "origQty": amount(order.orig_qty),
        "executedQty": amount(order.executed_qty),
        "origQuoteOrderQty": amount(order.orig_quote_order_qty),
        "cummulativeQuoteQty": amount(order.cummulative_quote_qty),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "selfTradePreventionMode": SELF_TRADE_PREVENTION,
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
