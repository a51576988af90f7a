"""Symbols to write numbers for."""

from __future__ import annotations

from typing import Any

from market.paper.engine.futures.rules import FuturesRules, futures_rules_of

BRACKETS = [
    {
        "bracket": 1,
        "initialLeverage": 125,
        "notionalCap": 300_000,
        "notionalFloor": 0,
        "maintMarginRatio": 0.004,
        "cum": 0,
    }
]


def rules(symbol: str, price_precision: int, quantity_precision: int, tick: str, step: str) -> FuturesRules:
    """A symbol of such decimals."""
    lot = {"minQty": step, "maxQty": "1000000", "stepSize": step}
    filters: list[dict[str, Any]] = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "MARKET_LOT_SIZE", **lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95", "multiplierDecimal": "4"},
    ]
    entry = {
        "symbol": symbol,
        "baseAsset": symbol.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "status": "TRADING",
        "pricePrecision": price_precision,
        "quantityPrecision": quantity_precision,
        "marketTakeBound": "0.05",
        "triggerProtect": "0.05",
        "liquidationFee": "0.0125",
        "filters": filters,
    }
    return futures_rules_of(entry, BRACKETS)


BTC = rules("BTCUSDT", 2, 3, "0.10", "0.001")
PEPE = rules("1000PEPEUSDT", 7, 0, "0.0000001", "1")
