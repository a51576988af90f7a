"""Every spot endpoint: method, path, weight, who may call. A new one is one line here and one function beside the others."""

from __future__ import annotations

from functools import partial

from market.paper.web import common
from market.paper.web.call import Endpoint
from market.paper.web.params import Params
from market.paper.web.spot import account, market_data, orders

spot = partial(Endpoint, market="spot")


def _open_orders_weight(params: Params) -> int:
    return 6 if "symbol" in params else 80


def _my_trades_weight(params: Params) -> int:
    return 5 if "orderId" in params else 20


def _test_weight(params: Params) -> int:
    return 20 if "computeCommissionRates" in params else 1


ENDPOINTS = [
    spot("GET", "/api/v3/ping", common.ping),
    spot("GET", "/api/v3/time", common.server_time),
    spot("GET", "/api/v3/exchangeInfo", market_data.exchange_info, weight=20),
    spot("GET", "/api/v3/klines", market_data.klines, weight=2),
    spot("GET", "/api/v3/uiKlines", market_data.klines, weight=2),
    spot("GET", "/api/v3/depth", market_data.depth, weight=market_data.depth_weight),
    spot("GET", "/api/v3/avgPrice", market_data.average_price, weight=2),
    spot("GET", "/api/v3/ticker/price", market_data.ticker_price, weight=market_data.ticker_weight),
    spot("GET", "/api/v3/ticker/bookTicker", market_data.book_ticker, weight=market_data.ticker_weight),
    spot("GET", "/api/v3/ticker/24hr", market_data.ticker_day, weight=market_data.ticker_day_weight),
    spot("POST", "/api/v3/order", orders.place, weight=1, security="signed", free_when_ok=True),
    spot("POST", "/api/v3/order/test", orders.test, weight=_test_weight, security="signed"),
    spot("GET", "/api/v3/order", orders.query, weight=4, security="signed", reads_past=True),
    spot("DELETE", "/api/v3/order", orders.cancel, weight=1, security="signed", free_when_ok=True),
    spot("DELETE", "/api/v3/openOrders", orders.cancel_all, weight=1, security="signed", free_when_ok=True),
    spot("GET", "/api/v3/openOrders", orders.open_orders, weight=_open_orders_weight, security="signed"),
    spot("GET", "/api/v3/allOrders", orders.all_orders, weight=20, security="signed", reads_past=True),
    spot("GET", "/api/v3/account", account.account, weight=20, security="signed"),
    spot("GET", "/api/v3/account/commission", account.commission, weight=20, security="signed"),
    spot("GET", "/api/v3/myTrades", account.my_trades, weight=_my_trades_weight, security="signed", reads_past=True),
    spot("GET", "/api/v3/rateLimit/order", account.order_counts, weight=40, security="signed"),
    spot("GET", "/sapi/v1/account/apiRestrictions", account.api_restrictions, weight=1, security="signed"),
    spot("GET", "/sapi/v1/asset/tradeFee", account.trade_fee, weight=1, security="signed"),
]
