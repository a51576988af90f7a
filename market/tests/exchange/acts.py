"""Everything that changes an account, as it leaves: orders, cancels, transfers, settings."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from market.tests.exchange.orders import SYMBOL, order, pair
from market.types import Market, OrderType, Side

SECRET = "the-secret-of-the-account"
WINDOW = timedelta(milliseconds=4321)
STOP = order(OrderType.STOP, Side.SELL, price="49000.50", reduce_only=True, client_order_id="tb-s", valid_for=WINDOW)
TARGET = replace(STOP, type=OrderType.TARGET, price=Decimal("51000"), client_order_id="tb-t")
LIMIT = replace(STOP, type=OrderType.LIMIT, price=Decimal("51000"), client_order_id="tb-l")
MARKET = replace(STOP, type=OrderType.MARKET, price=None, client_order_id="tb-m", quantity=Decimal("1E-3"))
PAIR = replace(pair("1", "2"), list_client_id="tb-list", stop=STOP, target=TARGET)
# What every order has.
COMMON = {"symbol": SYMBOL, "side": "SELL", "quantity": "0.1"}
SPOT_COMMON = COMMON | {"newOrderRespType": "FULL"}
FUTURES_COMMON = COMMON | {"reduceOnly": "true"}
RESULT = {"newOrderRespType": "RESULT"}
ALGO = {"algoType": "CONDITIONAL", "workingType": "CONTRACT_PRICE"}


@dataclass(frozen=True)
class Act:
    """Something that changes the account: how we do it, where and with what it leaves, and what is said to it."""

    market: Market
    call: Callable[[Any], object]
    method: str
    path: str
    sent: dict[str, str]
    said: dict[str, Any]
    signed_by_us: bool = True  # with the moment and window of an order; else with those of the call


def placed(client_order_id: str) -> dict[str, Any]:
    """The answer of either market to an order that rests."""
    return {
        "orderId": 42,
        "clientOrderId": client_order_id,
        "status": "NEW",
        "executedQty": "0.000",
        "transactTime": 1_700_000_000_123,
        "fills": [],
    }


def cancelled(client_order_id: str) -> dict[str, Any]:
    return {"orderId": 42, "clientOrderId": client_order_id, "origClientOrderId": client_order_id, "status": "CANCELED"}


def waits(client_algo_id: str) -> dict[str, Any]:
    return {"algoId": 42, "clientAlgoId": client_algo_id, "algoStatus": "NEW"}


SPOT_ORDER, FUTURES_ORDER, ALGO_ORDER = "/api/v3/order", "/fapi/v1/order", "/fapi/v1/algoOrder"
ACTS = {
    "spot market": Act(
        Market.SPOT,
        lambda gateway: gateway.submit(MARKET),
        "POST",
        SPOT_ORDER,
        SPOT_COMMON | {"type": "MARKET", "quantity": "0.001", "newClientOrderId": "tb-m"},
        placed("tb-m"),
    ),
    "spot limit": Act(
        Market.SPOT,
        lambda gateway: gateway.submit(LIMIT),
        "POST",
        SPOT_ORDER,
        SPOT_COMMON | {"type": "LIMIT", "timeInForce": "GTC", "price": "51000", "newClientOrderId": "tb-l"},
        placed("tb-l"),
    ),
    "spot stop": Act(
        Market.SPOT,
        lambda gateway: gateway.submit(STOP),
        "POST",
        SPOT_ORDER,
        SPOT_COMMON | {"type": "STOP_LOSS", "stopPrice": "49000.5", "newClientOrderId": "tb-s"},
        placed("tb-s"),
    ),
    "spot target": Act(
        Market.SPOT,
        lambda gateway: gateway.submit(TARGET),
        "POST",
        SPOT_ORDER,
        SPOT_COMMON | {"type": "TAKE_PROFIT", "stopPrice": "51000", "newClientOrderId": "tb-t"},
        placed("tb-t"),
    ),
    "spot pair": Act(
        Market.SPOT,
        lambda gateway: gateway.submit_pair(PAIR),
        "POST",
        "/api/v3/orderList/oco",
        SPOT_COMMON
        | {"listClientOrderId": "tb-list"}
        | {"aboveType": "TAKE_PROFIT", "aboveStopPrice": "51000", "aboveClientOrderId": "tb-t"}
        | {"belowType": "STOP_LOSS", "belowStopPrice": "49000.5", "belowClientOrderId": "tb-s"},
        {"orderReports": [placed("tb-s"), placed("tb-t")]},
    ),
    "spot cancel": Act(
        Market.SPOT,
        lambda gateway: gateway.cancel(SYMBOL, "tb-s", OrderType.STOP),
        "DELETE",
        SPOT_ORDER,
        {"symbol": SYMBOL, "origClientOrderId": "tb-s"},
        cancelled("tb-s"),
        signed_by_us=False,
    ),
    "futures market": Act(
        Market.FUTURES,
        lambda gateway: gateway.submit(MARKET),
        "POST",
        FUTURES_ORDER,
        FUTURES_COMMON | RESULT | {"type": "MARKET", "quantity": "0.001", "newClientOrderId": "tb-m"},
        placed("tb-m"),
    ),
    "futures limit": Act(
        Market.FUTURES,
        lambda gateway: gateway.submit(LIMIT),
        "POST",
        FUTURES_ORDER,
        FUTURES_COMMON | RESULT | {"type": "LIMIT", "timeInForce": "GTC", "price": "51000", "newClientOrderId": "tb-l"},
        placed("tb-l"),
    ),
    "futures stop": Act(
        Market.FUTURES,
        lambda gateway: gateway.submit(STOP),
        "POST",
        ALGO_ORDER,
        FUTURES_COMMON | ALGO | {"type": "STOP_MARKET", "triggerPrice": "49000.5", "clientAlgoId": "tb-s"},
        waits("tb-s"),
    ),
    "futures target": Act(
        Market.FUTURES,
        lambda gateway: gateway.submit(TARGET),
        "POST",
        ALGO_ORDER,
        FUTURES_COMMON | ALGO | {"type": "TAKE_PROFIT_MARKET", "triggerPrice": "51000", "clientAlgoId": "tb-t"},
        waits("tb-t"),
    ),
    "futures cancel": Act(
        Market.FUTURES,
        lambda gateway: gateway.cancel(SYMBOL, "tb-l", OrderType.LIMIT),
        "DELETE",
        FUTURES_ORDER,
        {"symbol": SYMBOL, "origClientOrderId": "tb-l"},
        cancelled("tb-l"),
        signed_by_us=False,
    ),
    "futures cancel of a stop": Act(
        Market.FUTURES,
        lambda gateway: gateway.cancel(SYMBOL, "tb-s", OrderType.STOP),
        "DELETE",
        ALGO_ORDER,
        {"clientAlgoId": "tb-s"},
        {"algoId": 42, "clientAlgoId": "tb-s", "code": "200", "msg": "success"},
        signed_by_us=False,
    ),
    "transfer": Act(
        Market.FUTURES,
        lambda gateway: gateway.transfer(
            "USDT", Decimal("1E1"), to_futures=True, signed_at=STOP.signed_at, valid_for=WINDOW
        ),
        "POST",
        "/sapi/v1/asset/transfer",
        {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "10"},
        {"tranId": 7},
    ),
    "leverage": Act(
        Market.FUTURES,
        lambda gateway: gateway.set_leverage(SYMBOL, 7),
        "POST",
        "/fapi/v1/leverage",
        {"symbol": SYMBOL, "leverage": "7"},
        {"leverage": 7},
        signed_by_us=False,
    ),
    "margin type": Act(
        Market.FUTURES,
        lambda gateway: gateway.set_isolated(SYMBOL, isolated=True),
        "POST",
        "/fapi/v1/marginType",
        {"symbol": SYMBOL, "marginType": "ISOLATED"},
        {"code": 200, "msg": "success"},
        signed_by_us=False,
    ),
}
TIMES = {Market.SPOT: "/api/v3/time", Market.FUTURES: "/fapi/v1/time"}
