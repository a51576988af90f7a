"""Public endpoints: time, rules, candles, prices. Nothing here needs a key."""

from __future__ import annotations

from typing import Any

from market.paper.engine.amounts import text as amount
from market.paper.prices.intervals import INTERVALS
from market.paper.prices.recording import MS_PER_MINUTE, SCALE
from market.paper.prices.tape import AVERAGE_MINUTES
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.params import Params

ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET")
# What a recorded symbol could do on Binance and cannot do here.
ABSENT = dict.fromkeys(
    (
        "icebergAllowed",
        "ocoAllowed",
        "otoAllowed",
        "opoAllowed",
        "allowTrailingStop",
        "cancelReplaceAllowed",
        "amendAllowed",
        "pegInstructionsAllowed",
        "isMarginTradingAllowed",
    ),
    False,
)
MAX_ROWS = 1000


def exchange_info(call: Call) -> dict[str, Any]:
    """GET exchangeInfo: the recorded rules, the present status, and only what this exchange can do."""
    info, engine = call.spot.info, call.spot.engine
    wanted = call.params.symbols(engine.rules) or list(engine.rules)
    entries = {entry["symbol"]: entry for entry in info["symbols"]}
    return {
        "timezone": "UTC",
        "serverTime": call.server_ms,
        "rateLimits": [_rate_limit(row, call) for row in info["rateLimits"]],
        "exchangeFilters": info["exchangeFilters"],
        "symbols": [_symbol(entries[name], engine.statuses[name]) for name in wanted],
    }


def klines(call: Call) -> bytes:
    """GET klines: the last row is the candle that is still open."""
    params, feed = call.params, call.spot.feed
    symbol = params.symbol(feed.symbols)
    interval = params.required("interval")
    if interval not in INTERVALS:
        raise ApiError(-1120, "Invalid interval.")
    params.matching("timeZone", "^[+-]?[0-9:]{1,6}$")
    return feed.klines(
        symbol,
        interval,
        call.now_ms,
        limit=params.limit(500, MAX_ROWS),
        start_ms=params.integer("startTime"),
        end_ms=params.integer("endTime"),
    )


def ticker_price(call: Call) -> Any:
    """GET ticker/price."""
    feed = call.spot.feed
    return _one_or_all(call, lambda name: {"symbol": name, "price": amount(feed.price(name, call.now_ms))})


def book_ticker(call: Call) -> Any:
    """GET ticker/bookTicker."""

    def best(name: str) -> dict[str, str]:
        quote = call.spot.quote(name, call.now_ms)
        size = amount(quote.level_qty)
        sides = {"bidPrice": amount(quote.bid), "bidQty": size, "askPrice": amount(quote.ask), "askQty": size}
        return {"symbol": name} | sides

    return _one_or_all(call, best)


def ticker_day(call: Call) -> Any:
    """GET ticker/24hr."""
    mini = call.params.choice("type", ("FULL", "MINI"), "FULL") == "MINI"
    return _one_or_all(call, lambda name: _day(call, name, mini=mini))


def average_price(call: Call) -> dict[str, Any]:
    """GET avgPrice."""
    symbol = call.params.symbol(call.spot.feed.symbols)
    price = call.spot.feed.average_price(symbol, call.now_ms)
    return {"mins": AVERAGE_MINUTES, "price": amount(price), "closeTime": call.now_ms}


def depth(call: Call) -> dict[str, Any]:
    """GET depth: the ladder that orders trade against."""
    symbol = call.params.symbol(call.spot.feed.symbols)
    quote = call.spot.quote(symbol, call.now_ms)
    levels, size = min(call.params.limit(100, 5000), quote.levels), amount(quote.level_qty)
    bids = [quote.bid - level * quote.gap for level in range(levels)]
    return {
        "lastUpdateId": quote.step,
        "bids": [[amount(price), size] for price in bids if price > 0],
        "asks": [[amount(quote.ask + level * quote.gap), size] for level in range(levels)],
    }


def depth_weight(params: Params) -> int:
    """5, 25, 50 or 250, by how deep."""
    text = params.text("limit") or "100"
    limit = int(text) if text.isdecimal() and len(text) < 6 else 100
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250


def ticker_weight(params: Params) -> int:
    """2 for one symbol, 4 otherwise."""
    return 2 if "symbol" in params else 4


def ticker_day_weight(params: Params) -> int:
    """2 for one symbol, 80 for all; a list of what we have is short."""
    return 2 if "symbol" in params or "symbols" in params else 80


def _one_or_all(call: Call, row: Any) -> Any:
    known = call.spot.feed.symbols
    rows = [row(name) for name in call.params.symbols(known) or known]
    return rows[0] if "symbol" in call.params else rows


def _symbol(entry: dict[str, Any], status: str) -> dict[str, Any]:
    types = [name for name in entry["orderTypes"] if name in ORDER_TYPES]
    absent = {name: value for name, value in ABSENT.items() if name in entry}
    return entry | absent | {"status": status, "orderTypes": types}


def _rate_limit(row: dict[str, Any], call: Call) -> dict[str, Any]:
    if row["rateLimitType"] == "REQUEST_WEIGHT" and call.spot.weights.limit:
        return row | {"limit": call.spot.weights.limit}
    return row


def _day(call: Call, symbol: str, *, mini: bool) -> dict[str, Any]:
    feed, now_ms = call.spot.feed, call.now_ms
    bar, last, quote = feed.day(symbol, now_ms), feed.price(symbol, now_ms), feed.quote(symbol, now_ms)
    common = {
        "symbol": symbol,
        "openPrice": amount(bar.open),
        "highPrice": amount(max(bar.high, last)),
        "lowPrice": amount(min(bar.low, last)),
        "lastPrice": amount(last),
        "volume": amount(bar.volume),
        "quoteVolume": amount(bar.quote_volume),
        "openTime": now_ms - 1440 * MS_PER_MINUTE,
        "closeTime": now_ms,
        "firstId": 0,
        "lastId": bar.trades,
        "count": bar.trades,
    }
    if mini:
        return common
    average = bar.quote_volume * SCALE // bar.volume if bar.volume else last
    return common | {
        "priceChange": amount(last - bar.open),
        "priceChangePercent": format((last - bar.open) * 100 / bar.open, ".3f"),
        "weightedAvgPrice": amount(average),
        "prevClosePrice": amount(bar.open),
        "lastQty": amount(quote.level_qty),
        "bidPrice": amount(quote.bid),
        "bidQty": amount(quote.level_qty),
        "askPrice": amount(quote.ask),
        "askQty": amount(quote.level_qty),
    }
