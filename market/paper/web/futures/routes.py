"""Every futures endpoint: method, path, weight, who may call."""

from __future__ import annotations

from functools import partial

from market.paper.web import common
from market.paper.web.call import Endpoint, Weight
from market.paper.web.futures import (
    account,
    algo_orders,
    batches,
    candles,
    listen_keys,
    market_data,
    orders,
    past,
    settings,
)
from market.paper.web.params import Params

public = partial(Endpoint, market="futures")
by_key = partial(Endpoint, market="futures", security="key")
signed = partial(Endpoint, market="futures", security="signed")
# The answer comes from the ledger.
past_of = partial(signed, reads_past=True)


def by_symbol(one: int, every: int) -> Weight:
    """The weight of a call for one symbol, and for all of them."""

    def weight(params: Params) -> int:
        return one if "symbol" in params else every

    return weight


ENDPOINTS = [
    public("GET", "/fapi/v1/ping", common.ping),
    public("GET", "/fapi/v1/time", common.server_time),
    public("GET", "/fapi/v1/exchangeInfo", market_data.exchange_info),
    public("GET", "/fapi/v1/depth", market_data.depth, weight=market_data.depth_weight),
    public("GET", "/fapi/v1/trades", market_data.trades, weight=5),
    by_key("GET", "/fapi/v1/historicalTrades", market_data.historical_trades, weight=200),
    public("GET", "/fapi/v1/aggTrades", market_data.aggregate_trades, weight=20),
    public("GET", "/fapi/v1/klines", candles.klines, weight=candles.klines_weight),
    public("GET", "/fapi/v1/continuousKlines", candles.continuous_klines, weight=candles.klines_weight),
    public("GET", "/fapi/v1/indexPriceKlines", candles.index_price_klines, weight=candles.klines_weight),
    public("GET", "/fapi/v1/markPriceKlines", candles.mark_price_klines, weight=candles.klines_weight),
    public("GET", "/fapi/v1/premiumIndex", market_data.premium_index, weight=by_symbol(1, 10)),
    # These two have a limit of their own on Binance, and no weight.
    public("GET", "/fapi/v1/fundingRate", market_data.funding_rates, weight=0),
    public("GET", "/fapi/v1/fundingInfo", market_data.funding_info, weight=0),
    public("GET", "/fapi/v1/ticker/24hr", market_data.ticker_day, weight=by_symbol(1, 40)),
    public("GET", "/fapi/v1/ticker/price", market_data.ticker_price, weight=by_symbol(1, 2)),
    public("GET", "/fapi/v2/ticker/price", market_data.ticker_price, weight=by_symbol(1, 2)),
    public("GET", "/fapi/v1/ticker/bookTicker", market_data.book_ticker, weight=by_symbol(2, 5)),
    signed("POST", "/fapi/v1/order", orders.place, weight=0),
    signed("POST", "/fapi/v1/order/test", orders.test, weight=0),
    signed("PUT", "/fapi/v1/order", orders.modify),
    signed("DELETE", "/fapi/v1/order", orders.cancel),
    past_of("GET", "/fapi/v1/order", orders.query),
    signed("POST", "/fapi/v1/batchOrders", batches.place, weight=5),
    signed("PUT", "/fapi/v1/batchOrders", batches.modify, weight=5),
    signed("DELETE", "/fapi/v1/batchOrders", batches.cancel),
    signed("GET", "/fapi/v1/openOrder", orders.query_open),
    signed("GET", "/fapi/v1/openOrders", orders.open_orders, weight=by_symbol(1, 40)),
    past_of("GET", "/fapi/v1/allOrders", orders.all_orders, weight=5),
    signed("DELETE", "/fapi/v1/allOpenOrders", orders.cancel_all),
    signed("POST", "/fapi/v1/countdownCancelAll", settings.set_countdown, weight=10),
    signed("POST", "/fapi/v1/algoOrder", algo_orders.place, weight=0),
    signed("DELETE", "/fapi/v1/algoOrder", algo_orders.cancel),
    past_of("GET", "/fapi/v1/algoOrder", algo_orders.query),
    signed("GET", "/fapi/v1/openAlgoOrders", algo_orders.open_algos, weight=by_symbol(1, 40)),
    past_of("GET", "/fapi/v1/allAlgoOrders", algo_orders.all_algos, weight=5),
    signed("DELETE", "/fapi/v1/algoOpenOrders", algo_orders.cancel_all),
    past_of("GET", "/fapi/v1/userTrades", past.fills, weight=5),
    past_of("GET", "/fapi/v1/income", past.incomes, weight=30),
    past_of("GET", "/fapi/v1/forceOrders", past.forced_orders, weight=by_symbol(20, 50)),
    signed("GET", "/fapi/v2/account", account.account_v2, weight=5),
    signed("GET", "/fapi/v3/account", account.account_v3, weight=5),
    signed("GET", "/fapi/v2/balance", account.balance, weight=5),
    signed("GET", "/fapi/v3/balance", account.balance, weight=5),
    signed("GET", "/fapi/v2/positionRisk", account.position_risk_v2, weight=5),
    signed("GET", "/fapi/v3/positionRisk", account.position_risk_v3, weight=5),
    signed("GET", "/fapi/v1/adlQuantile", account.adl_quantiles, weight=5),
    signed("POST", "/fapi/v1/leverage", settings.set_leverage),
    signed("POST", "/fapi/v1/marginType", settings.set_margin_type),
    signed("POST", "/fapi/v1/positionMargin", settings.change_margin),
    signed("POST", "/fapi/v1/positionSide/dual", settings.set_position_mode),
    signed("GET", "/fapi/v1/positionSide/dual", settings.position_mode, weight=30),
    signed("POST", "/fapi/v1/multiAssetsMargin", settings.set_multi_assets),
    signed("GET", "/fapi/v1/multiAssetsMargin", settings.multi_assets, weight=30),
    signed("POST", "/fapi/v1/feeBurn", settings.set_fee_burn),
    signed("GET", "/fapi/v1/feeBurn", settings.fee_burn, weight=30),
    signed("GET", "/fapi/v1/accountConfig", settings.account_config, weight=5),
    signed("GET", "/fapi/v1/symbolConfig", settings.symbol_configs, weight=5),
    signed("GET", "/fapi/v1/commissionRate", settings.commission_rate, weight=20),
    signed("GET", "/fapi/v1/leverageBracket", settings.leverage_brackets),
    signed("GET", "/fapi/v1/rateLimit/order", settings.order_limits),
    by_key("POST", "/fapi/v1/listenKey", listen_keys.create),
    by_key("PUT", "/fapi/v1/listenKey", listen_keys.keepalive),
    by_key("DELETE", "/fapi/v1/listenKey", listen_keys.close),
]
