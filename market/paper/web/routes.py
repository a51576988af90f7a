"""Every endpoint: method, path, weight, who may call. A new one is one line here and one function beside the others."""

from __future__ import annotations

from market.paper.web import account, admin, market_data, orders
from market.paper.web.call import Endpoint
from market.paper.web.params import Params


def _open_orders_weight(params: Params) -> int:
    return 6 if "symbol" in params else 80


def _my_trades_weight(params: Params) -> int:
    return 5 if "orderId" in params else 20


def _test_weight(params: Params) -> int:
    return 20 if "computeCommissionRates" in params else 1


ENDPOINTS = [
    Endpoint("GET", "/api/v3/ping", market_data.ping, 1),
    Endpoint("GET", "/api/v3/time", market_data.server_time, 1),
    Endpoint("GET", "/api/v3/exchangeInfo", market_data.exchange_info, 20),
    Endpoint("GET", "/api/v3/klines", market_data.klines, 2),
    Endpoint("GET", "/api/v3/uiKlines", market_data.klines, 2),
    Endpoint("GET", "/api/v3/depth", market_data.depth, market_data.depth_weight),
    Endpoint("GET", "/api/v3/avgPrice", market_data.average_price, 2),
    Endpoint("GET", "/api/v3/ticker/price", market_data.ticker_price, market_data.ticker_weight),
    Endpoint("GET", "/api/v3/ticker/bookTicker", market_data.book_ticker, market_data.ticker_weight),
    Endpoint("GET", "/api/v3/ticker/24hr", market_data.ticker_day, market_data.ticker_day_weight),
    Endpoint("POST", "/api/v3/order", orders.place, 1, "signed", free_when_ok=True),
    Endpoint("POST", "/api/v3/order/test", orders.test, _test_weight, "signed"),
    Endpoint("GET", "/api/v3/order", orders.query, 4, "signed"),
    Endpoint("DELETE", "/api/v3/order", orders.cancel, 1, "signed", free_when_ok=True),
    Endpoint("DELETE", "/api/v3/openOrders", orders.cancel_all, 1, "signed", free_when_ok=True),
    Endpoint("GET", "/api/v3/openOrders", orders.open_orders, _open_orders_weight, "signed"),
    Endpoint("GET", "/api/v3/allOrders", orders.all_orders, 20, "signed"),
    Endpoint("GET", "/api/v3/account", account.account, 20, "signed"),
    Endpoint("GET", "/api/v3/account/commission", account.commission, 20, "signed"),
    Endpoint("GET", "/api/v3/myTrades", account.my_trades, _my_trades_weight, "signed"),
    Endpoint("GET", "/api/v3/rateLimit/order", account.order_counts, 40, "signed"),
    Endpoint("GET", "/sapi/v1/account/apiRestrictions", account.api_restrictions, 1, "signed"),
    Endpoint("GET", "/sapi/v1/asset/tradeFee", account.trade_fee, 1, "signed"),
    Endpoint("POST", "/paper/accounts", admin.open_account, 0, "admin"),
    Endpoint("POST", "/paper/symbols", admin.set_status, 0, "admin"),
    Endpoint("POST", "/paper/prices", admin.set_price, 0, "admin"),
    Endpoint("GET", "/paper/stats", admin.stats, 0, "admin"),
]

ROUTES = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}
PATHS = {endpoint.path for endpoint in ENDPOINTS}
