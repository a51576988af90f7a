"""How orders, lists, fills and balances look on Binance's wire: decimals as strings, ids and times as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from market.paper.engine.amounts import text as amount
from market.paper.engine.spot.types import NO_LIST, STOP_TYPES, Balance, OrderList, SpotOrder
from market.paper.engine.types import Fill


def new_order(order: SpotOrder, fills: list[Fill], shape: str) -> dict[str, Any]:
    """The answer to a new order: ACK, RESULT or FULL."""
    ack = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.update_ms,
    }
    if shape == "ACK":
        return ack
    result = ack | _amounts(order) | _stop(order) | _iceberg(order) | {"workingTime": order.working_ms} | _last(order)
    return result | {"fills": [_fill(fill) for fill in fills]} if shape == "FULL" else result


def order_status(order: SpotOrder) -> dict[str, Any]:
    """The order as GET order, openOrders and allOrders show it."""
    stop = {"stopPrice": amount(order.stop_price), "icebergQty": amount(order.iceberg_qty)}
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        **_amounts(order),
        **stop,
        **_trailing(order),
        "time": order.time_ms,
        "updateTime": order.update_ms,
        "isWorking": order.is_working,
        "workingTime": order.working_ms,
        **_last(order),
    }


def order_canceled(order: SpotOrder, cancel_id: str) -> dict[str, Any]:
    """The answer to a cancel: ``clientOrderId`` is the cancel's own id."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": cancel_id,
        "transactTime": order.update_ms,
        **_amounts(order),
        **_stop(order),
        **_iceberg(order),
        **_last(order),
    }


def order_amended(order: SpotOrder, former_id: str) -> dict[str, Any]:
    """The order within the answer to an amendment, whose spelling is its own."""
    working = {"workingTime": order.working_ms} if order.is_working else {}
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "origClientOrderId": former_id,
        "clientOrderId": order.client_order_id,
        "price": amount(order.price),
        "qty": amount(order.orig_qty),
        "executedQty": amount(order.executed_qty),
        "preventedQty": amount(0),
        "quoteOrderQty": amount(order.orig_quote_order_qty),
        "cumulativeQuoteQty": amount(order.cum_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        **_stop(order),
        **_iceberg(order),
        **working,
        **_last(order),
    }


def order_list(pair: OrderList, reports: Iterable[dict[str, Any]] | None = None) -> dict[str, Any]:
    """An order list; ``reports`` are about its orders, where the answer has them."""
    status_type = "EXEC_STARTED" if pair.is_open else "ALL_DONE"
    shown = list_status(pair) | {"listStatusType": status_type, "transactionTime": pair.update_ms}
    return shown if reports is None else shown | {"orderReports": list(reports)}


def list_status(pair: OrderList) -> dict[str, Any]:
    """An order list within the answer to an amendment."""
    legs = zip(pair.order_ids, pair.client_ids, strict=True)
    return {
        "orderListId": pair.order_list_id,
        "contingencyType": "OCO",
        "listOrderStatus": pair.status,
        "listClientOrderId": pair.client_order_id,
        "symbol": pair.symbol,
        "orders": [{"symbol": pair.symbol, "orderId": number, "clientOrderId": name} for number, name in legs],
    }


def fill_row(fill: Fill, order_list_id: int = NO_LIST) -> dict[str, Any]:
    """One row of myTrades."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": order_list_id,
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


def _stop(order: SpotOrder) -> dict[str, Any]:
    if order.type not in STOP_TYPES:
        return {}
    return {"stopPrice": amount(order.stop_price)} | _trailing(order)


def _trailing(order: SpotOrder) -> dict[str, int]:
    return {"trailingDelta": order.trailing_delta, "trailingTime": order.trailing_ms} if order.trailing_delta else {}


def _iceberg(order: SpotOrder) -> dict[str, str]:
    return {"icebergQty": amount(order.iceberg_qty)} if order.iceberg_qty else {}


def _last(order: SpotOrder) -> dict[str, Any]:
    """What is there only if it says something, and the self-trade prevention."""
    optional = {
        "strategyId": order.strategy_id,
        "strategyType": order.strategy_type,
        "expiryReason": order.expiry_reason,
    }
    shown = {name: value for name, value in optional.items() if value is not None}
    return {"selfTradePreventionMode": order.self_trade_prevention} | shown


def _fill(fill: Fill) -> dict[str, Any]:
    """A fill within the answer to a new order."""
    return {
        "price": amount(fill.price),
        "qty": amount(fill.qty),
        "commission": amount(fill.commission),
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }
