"""Every spot endpoint: method, path, weight, who may call. A new one is a line here and a function elsewhere."""

from __future__ import annotations

from typing import Any

from market.paper.web import common
from market.paper.web.call import Endpoint, Handler
from market.paper.web.params import Params
from market.paper.web.spot import account, lists, market_data, orders, replacing, sapi, tickers
from market.paper.web.spot.answers import api


def public(path: str, handler: Handler, weight: Any = 1) -> Endpoint:
    """An endpoint of market data, for everybody."""
    return Endpoint("GET", f"/api/v3/{path}", api(handler), "spot", weight)


def asking(path: str, handler: Handler, weight: Any, *, past: bool = False) -> Endpoint:
    """A signed question; about the ``past`` if it is answered from the ledger."""
    return Endpoint("GET", f"/api/v3/{path}", api(handler), "spot", weight, "signed", reads_past=past)


def trading(method: str, path: str, handler: Handler) -> Endpoint:
    """A signed command that weighs nothing when it succeeds."""
    return Endpoint(method, f"/api/v3/{path}", api(handler), "spot", 1, "signed", free_when_ok=True)


def wallet(method: str, path: str, handler: Handler, *, past: bool = False) -> Endpoint:
    """A signed endpoint of /sapi."""
    return Endpoint(method, f"/sapi/{path}", handler, "spot", 1, "signed", reads_past=past)


def _open_orders_weight(params: Params) -> int:
    return 6 if "symbol" in params else 80


def _my_trades_weight(params: Params) -> int:
    return 5 if "orderId" in params else 20


def _test_weight(params: Params) -> int:
    return 20 if "computeCommissionRates" in params else 1


ENDPOINTS = [
    public("ping", common.ping),
    public("time", common.server_time),
    public("exchangeInfo", market_data.exchange_info, 20),
    public("klines", market_data.klines, 2),
    public("uiKlines", market_data.klines, 2),
    public("trades", market_data.trades, 25),
    public("historicalTrades", market_data.historical_trades, 25),
    public("aggTrades", market_data.aggregate_trades, 4),
    public("depth", market_data.depth, market_data.depth_weight),
    public("avgPrice", market_data.average_price, 2),
    public("ticker/price", tickers.price, tickers.weight),
    public("ticker/bookTicker", tickers.book, tickers.weight),
    public("ticker/24hr", tickers.day, tickers.day_weight),
    public("ticker/tradingDay", tickers.trading_day, tickers.window_weight),
    public("ticker", tickers.window, tickers.window_weight),
    trading("POST", "order", orders.place),
    trading("DELETE", "order", orders.cancel),
    trading("DELETE", "openOrders", orders.cancel_all),
    trading("POST", "order/cancelReplace", replacing.cancel_replace),
    trading("POST", "orderList/oco", lists.place),
    trading("POST", "order/oco", lists.place_old),
    trading("DELETE", "orderList", lists.cancel),
    Endpoint("PUT", "/api/v3/order/amend/keepPriority", api(orders.amend), "spot", 4, "signed"),
    Endpoint("POST", "/api/v3/order/test", api(orders.test), "spot", _test_weight, "signed"),
    asking("order", orders.query, 4, past=True),
    asking("openOrders", orders.open_orders, _open_orders_weight),
    asking("allOrders", orders.all_orders, 20, past=True),
    asking("orderList", lists.query, 4, past=True),
    asking("openOrderList", lists.open_lists, 6),
    asking("allOrderList", lists.all_lists, 20, past=True),
    asking("account", account.account, 20),
    asking("account/commission", account.commission, 20),
    asking("myTrades", account.my_trades, _my_trades_weight, past=True),
    asking("myFilters", account.my_filters, 40),
    asking("myAllocations", account.my_allocations, 20),
    asking("myPreventedMatches", account.my_prevented_matches, 20),
    asking("rateLimit/order", account.order_counts, 40),
    Endpoint("GET", "/sapi/v1/system/status", sapi.system_status, "spot"),
    wallet("GET", "v1/account/status", sapi.account_status),
    wallet("GET", "v1/account/apiRestrictions", sapi.api_restrictions),
    wallet("GET", "v1/asset/tradeFee", sapi.trade_fee),
    wallet("GET", "v1/bnbBurn", sapi.bnb_burn),
    wallet("POST", "v1/bnbBurn", sapi.set_bnb_burn),
    wallet("GET", "v1/capital/config/getall", sapi.coins),
    wallet("POST", "v1/asset/get-funding-asset", sapi.nothing),
    wallet("POST", "v3/asset/getUserAsset", sapi.user_assets),
    wallet("POST", "v1/asset/transfer", sapi.transfer),
    wallet("GET", "v1/asset/transfer", sapi.transfers, past=True),
    wallet("POST", "v1/futures/transfer", sapi.old_transfer),
    # Clients send their key to these two, but no signature.
    Endpoint("GET", "/sapi/v1/margin/allPairs", sapi.nothing, "spot"),
    Endpoint("GET", "/sapi/v1/margin/isolated/allPairs", sapi.nothing, "spot"),
    Endpoint("GET", "/dapi/v1/ping", common.ping, "futures"),
    Endpoint("GET", "/dapi/v1/time", common.server_time, "futures"),
    Endpoint("GET", "/dapi/v1/exchangeInfo", sapi.coin_futures, "futures"),
]
