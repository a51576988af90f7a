"""One answer of every endpoint that has an example or a model of Binance's, by ``METHOD path`` and what made it so."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from market.paper.tests.contract.held import hold
from market.paper.tests.server import PaperServer

SYMBOL = {"symbol": "BTCUSDT"}
PAIR = {"symbols": '["BTCUSDT","ETHUSDT"]'}
MARKET = {**SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
RESTING = {**SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "45000"}
OCO = {
    **SYMBOL,
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "55000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "45000",
    "belowPrice": "44000",
    "belowTimeInForce": "GTC",
}
OLD_OCO = {
    **SYMBOL,
    "side": "SELL",
    "quantity": "0.01",
    "price": "55000",
    "stopPrice": "45000",
    "stopLimitPrice": "44000",
    "stopLimitTimeInForce": "GTC",
}
TRAILING_SPOT = {
    **SYMBOL,
    "side": "SELL",
    "type": "STOP_LOSS_LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "45000",
    "trailingDelta": 100,
}
CONDITIONAL = {**SYMBOL, "algoType": "CONDITIONAL", "side": "SELL"}
STOP = {**CONDITIONAL, "type": "STOP_MARKET", "quantity": "0.01", "triggerPrice": "45000"}
TRAILING = {**CONDITIONAL, "type": "TRAILING_STOP_MARKET", "quantity": "0.01", "callbackRate": "1"}


class Caller:
    """Calls of one account, signed or with its key only; ``answers`` holds each by name."""

    def __init__(self, paper: PaperServer, key: dict[str, Any]) -> None:
        self.paper, self.key = paper, key
        self.answers: dict[str, Any] = {}

    def public(self, path: str, variant: str = "", **params: Any) -> Any:
        headers = {"X-MBX-APIKEY": self.key["api_key"]}
        return self._keep(
            f"GET {path}", variant, self.paper.request("GET", f"{path}?{urlencode(params)}", None, headers)[1]
        )

    def signed(self, name: str, variant: str = "", **params: Any) -> Any:
        method, path = name.split()
        return self._keep(name, variant, self.paper.signed(method, path, self.key, **params)[1])

    def _keep(self, name: str, variant: str, answer: Any) -> Any:
        self.answers[f"{name} {variant}".strip()] = answer
        return answer


def spot_answers(paper: PaperServer) -> dict[str, Any]:
    """Play through spot's endpoints with a new account."""
    hold(paper, "spot")
    caller = Caller(paper, paper.open_account(USDT="100000", BTC="1", BNB="10"))
    _spot_market_data(caller)
    _spot_orders(caller)
    _spot_lists(caller)
    _spot_replacements(caller)
    _spot_account(caller)
    return caller.answers


def futures_answers(paper: PaperServer) -> dict[str, Any]:
    """Play through futures' endpoints with a new account, which holds a position and orders when asked."""
    hold(paper, "futures")
    caller = Caller(paper, paper.open_account(futures={"USDT": "100000"}))
    _futures_market_data(caller)
    _futures_settings(caller)
    _futures_orders(caller)
    _futures_algo_orders(caller)
    _futures_account(caller)
    return caller.answers


def _spot_market_data(caller: Caller) -> None:
    caller.public("/api/v3/time")
    for path in (
        "exchangeInfo",
        "depth",
        "trades",
        "aggTrades",
        "avgPrice",
        "ticker",
        "ticker/tradingDay",
        "historicalTrades",
    ):
        caller.public(f"/api/v3/{path}", **SYMBOL)
    for path in ("klines", "uiKlines"):
        caller.public(f"/api/v3/{path}", **SYMBOL, interval="1m", limit=2)
    for path in ("24hr", "price", "bookTicker"):
        caller.public(f"/api/v3/ticker/{path}", **SYMBOL)
        caller.public(f"/api/v3/ticker/{path}", "all", **PAIR)
    caller.public("/api/v3/ticker/24hr", "MINI", **SYMBOL, type="MINI")
    caller.public("/api/v3/ticker/24hr", "all MINI", **PAIR, type="MINI")
    caller.answers["error"] = caller.paper.get("/api/v3/depth", symbol="NONE")


def _spot_orders(caller: Caller) -> None:
    for kind in ("ACK", "RESULT", "FULL"):
        caller.signed("POST /api/v3/order", kind, **MARKET, newOrderRespType=kind)
    caller.signed("POST /api/v3/order/test", **MARKET)
    caller.signed("POST /api/v3/order/test", "computeCommissionRates", **MARKET, computeCommissionRates="true")
    caller.signed("POST /api/v3/order", "expired", **RESTING | {"timeInForce": "IOC"})
    caller.signed("POST /api/v3/order", "trailing", **TRAILING_SPOT)
    caller.signed("POST /api/v3/order", "iceberg", **RESTING, icebergQty="0.005", strategyId=1, strategyType=1000000)
    placed = caller.signed("POST /api/v3/order", "resting", **RESTING)
    caller.signed("GET /api/v3/order", **SYMBOL, orderId=placed["orderId"])
    caller.signed("GET /api/v3/openOrders", **SYMBOL)
    caller.signed("PUT /api/v3/order/amend/keepPriority", **SYMBOL, orderId=placed["orderId"], newQty="0.005")
    caller.signed("DELETE /api/v3/order", **SYMBOL, orderId=placed["orderId"])
    caller.signed("GET /api/v3/allOrders", **SYMBOL)
    caller.signed("GET /api/v3/myTrades", **SYMBOL)


def _spot_lists(caller: Caller) -> None:
    placed = caller.signed("POST /api/v3/orderList/oco", **OCO, newOrderRespType="RESULT")
    caller.signed("GET /api/v3/orderList", orderListId=placed["orderListId"])
    caller.signed("GET /api/v3/openOrderList")
    caller.signed("GET /api/v3/allOrderList")
    caller.signed("DELETE /api/v3/orderList", **SYMBOL, orderListId=placed["orderListId"])
    caller.signed("POST /api/v3/order", "resting", **RESTING)
    caller.signed("POST /api/v3/orderList/oco", "again", **OCO)
    caller.signed("POST /api/v3/order/oco", **OLD_OCO, newOrderRespType="RESULT")
    caller.signed("DELETE /api/v3/openOrders", **SYMBOL)


def _spot_replacements(caller: Caller) -> None:
    replace = "POST /api/v3/order/cancelReplace"
    too_much = RESTING | {"quantity": "100"}
    stop, go_on = {"cancelReplaceMode": "STOP_ON_FAILURE"}, {"cancelReplaceMode": "ALLOW_FAILURE"}
    first = caller.signed("POST /api/v3/order", "resting", **RESTING)["orderId"]
    done = caller.signed(replace, **RESTING, **stop, cancelOrderId=first)
    caller.signed(replace, "STOP_ON_FAILURE", **RESTING, **stop, cancelOrderId=1)
    caller.signed(replace, "both fail", **too_much, **go_on, cancelOrderId=1)
    caller.signed(replace, "cancel fails", **RESTING, **go_on, cancelOrderId=1, newOrderRespType="ACK")
    caller.signed(replace, "new fails", **too_much, **stop, cancelOrderId=done["newOrderResponse"]["orderId"])


def _spot_account(caller: Caller) -> None:
    caller.signed("GET /api/v3/account", omitZeroBalances="true")
    caller.signed("GET /api/v3/account/commission", **SYMBOL)
    caller.signed("GET /api/v3/rateLimit/order")
    caller.signed("GET /api/v3/myFilters", **SYMBOL)
    caller.signed("GET /sapi/v1/asset/tradeFee")


def _futures_market_data(caller: Caller) -> None:
    caller.public("/fapi/v1/time")
    caller.public("/fapi/v1/exchangeInfo")
    for path in ("depth", "trades", "aggTrades", "fundingRate"):
        caller.public(f"/fapi/v1/{path}", **SYMBOL)
    caller.public("/fapi/v1/fundingInfo")
    for path in ("klines", "markPriceKlines"):
        caller.public(f"/fapi/v1/{path}", **SYMBOL, interval="1m", limit=2)
    kind = {"pair": "BTCUSDT", "contractType": "PERPETUAL"}
    caller.public("/fapi/v1/continuousKlines", **kind, interval="1m", limit=2)
    for path in ("v1/ticker/24hr", "v1/ticker/price", "v2/ticker/price", "v1/ticker/bookTicker", "v1/premiumIndex"):
        caller.public(f"/fapi/{path}", **SYMBOL)
        caller.public(f"/fapi/{path}", "all")


def _futures_settings(caller: Caller) -> None:
    caller.signed("POST /fapi/v1/leverage", **SYMBOL, leverage=10)
    caller.signed("POST /fapi/v1/marginType", **SYMBOL, marginType="ISOLATED")
    caller.signed("POST /fapi/v1/positionSide/dual", dualSidePosition="true")
    caller.signed("POST /fapi/v1/positionSide/dual", dualSidePosition="false")
    caller.signed("GET /fapi/v1/positionSide/dual")
    caller.signed("POST /fapi/v1/multiAssetsMargin", multiAssetsMargin="true")
    caller.signed("POST /fapi/v1/multiAssetsMargin", multiAssetsMargin="false")
    caller.signed("GET /fapi/v1/multiAssetsMargin")
    caller.signed("POST /fapi/v1/feeBurn", feeBurn="true")
    caller.signed("GET /fapi/v1/feeBurn")
    caller.signed("GET /fapi/v1/accountConfig")
    caller.signed("GET /fapi/v1/symbolConfig", **SYMBOL)
    caller.signed("GET /fapi/v1/commissionRate", **SYMBOL)
    caller.signed("GET /fapi/v1/leverageBracket")
    caller.signed("GET /fapi/v1/leverageBracket", "one", **SYMBOL)
    caller.signed("POST /fapi/v1/countdownCancelAll", **SYMBOL, countdownTime=0)
    caller.signed("POST /fapi/v1/listenKey")
    caller.signed("PUT /fapi/v1/listenKey")


def _futures_orders(caller: Caller) -> None:
    order = "POST /fapi/v1/order"
    caller.signed(order, "ACK", **MARKET)
    caller.signed(order, "RESULT", **MARKET, newOrderRespType="RESULT")
    caller.signed("POST /fapi/v1/order/test", **MARKET)
    placed = caller.signed(order, "resting", **RESTING)["orderId"]
    caller.signed("GET /fapi/v1/order", **SYMBOL, orderId=placed)
    caller.signed("GET /fapi/v1/openOrder", **SYMBOL, orderId=placed)
    caller.signed("GET /fapi/v1/openOrders", **SYMBOL)
    change = {"side": "BUY", "quantity": "0.02", "price": "44000"}
    caller.signed("PUT /fapi/v1/order", **SYMBOL, orderId=placed, **change)
    caller.signed("DELETE /fapi/v1/order", **SYMBOL, orderId=placed)
    caller.signed("POST /fapi/v1/batchOrders", batchOrders=json.dumps([MARKET, MARKET | {"quantity": "9999"}]))
    placed = caller.signed(order, "resting", **RESTING)["orderId"]
    changes = [SYMBOL | change | {"orderId": number} for number in (placed, 1)]
    caller.signed("PUT /fapi/v1/batchOrders", batchOrders=json.dumps(changes))
    caller.signed("DELETE /fapi/v1/batchOrders", **SYMBOL, orderIdList=json.dumps([placed, 1]))
    caller.signed("DELETE /fapi/v1/allOpenOrders", **SYMBOL)
    caller.signed("GET /fapi/v1/allOrders", **SYMBOL)
    caller.signed("GET /fapi/v1/userTrades", **SYMBOL)


def _futures_algo_orders(caller: Caller) -> None:
    order = "POST /fapi/v1/algoOrder"
    first = caller.signed(order, **STOP)["algoId"]
    caller.signed(order, "trailing", **TRAILING)
    caller.signed("GET /fapi/v1/algoOrder", algoId=first)
    caller.signed("GET /fapi/v1/openAlgoOrders", **SYMBOL)
    caller.signed("GET /fapi/v1/allAlgoOrders", **SYMBOL)
    caller.signed("DELETE /fapi/v1/algoOrder", algoId=first)
    caller.signed("DELETE /fapi/v1/algoOpenOrders", **SYMBOL)


def _futures_account(caller: Caller) -> None:
    for path in ("account", "balance", "positionRisk"):
        for version in (2, 3):
            caller.signed(f"GET /fapi/v{version}/{path}")
    caller.signed("POST /fapi/v1/positionMargin", **SYMBOL, amount="1", type=1)
    caller.signed("GET /fapi/v1/adlQuantile")
    caller.signed("GET /fapi/v1/income")
    caller.signed("GET /fapi/v1/rateLimit/order")
