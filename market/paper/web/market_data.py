"""Public endpoints: time, rules, candles, prices. Nothing here needs a key."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from market.paper.prices.candles import INTERVALS, text8
from market.paper.prices.feed import AVERAGE_MINUTES
from market.paper.prices.recording import MS_PER_MINUTE, SCALE
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.params import Params
from market.paper.web.views import amount

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
DEPTH_LEVELS = 100


def ping(call: Call) -> dict[str, Any]:
    """GET ping."""
    return {}


def server_time(call: Call) -> dict[str, int]:
    """GET time."""
    return {"serverTime": call.now_ms}


def exchange_info(call: Call) -> dict[str, Any]:
    """GET exchangeInfo: the recorded rules, the present status, and only what this exchange can do."""
    info, engine = call.exchange.info, call.exchange.engine
    wanted = call.params.symbols(engine.rules) or list(engine.rules)
    entries = {entry["symbol"]: entry for entry in info["symbols"]}
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "rateLimits": [_rate_limit(row, call) for row in info["rateLimits"]],
        "exchangeFilters": info["exchangeFilters"],
        "symbols": [_symbol(entries[name], engine.statuses[name]) for name in wanted],
    }


def klines(call: Call) -> bytes:
    """GET klines: the last row is the candle that is still open."""
    params, feed = call.params, call.exchange.feed
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
    feed = call.exchange.feed
    return _one_or_all(call, lambda name: {"symbol": name, "price": text8(feed.price(name, call.now_ms))})


def book_ticker(call: Call) -> Any:
    """GET ticker/bookTicker."""

    def best(name: str) -> dict[str, str]:
        quote = call.exchange.feed.quote(name, call.now_ms)
        size = amount(_level_size(call, name))
        sides = {"bidPrice": amount(quote.bid), "bidQty": size, "askPrice": amount(quote.ask), "askQty": size}
        return {"symbol": name} | sides

    return _one_or_all(call, best)


def ticker_day(call: Call) -> Any:
    """GET ticker/24hr."""
    mini = call.params.choice("type", ("FULL", "MINI"), "FULL") == "MINI"
    return _one_or_all(call, lambda name: _day(call, name, mini=mini))


def average_price(call: Call) -> dict[str, Any]:
    """GET avgPrice."""
    symbol = call.params.symbol(call.exchange.feed.symbols)
    price = call.exchange.feed.average_price(symbol, call.now_ms)
    return {"mins": AVERAGE_MINUTES, "price": amount(price), "closeTime": call.now_ms}


def depth(call: Call) -> dict[str, Any]:
    """GET depth: made-up levels, a tick apart, the same size each; fills happen at the best price whatever the size."""
    symbol = call.params.symbol(call.exchange.feed.symbols)
    levels = min(call.params.limit(100, 5000), DEPTH_LEVELS)
    quote, tick = call.exchange.feed.quote(symbol, call.now_ms), call.exchange.engine.rules[symbol].price.step
    size = amount(_level_size(call, symbol))
    bids = [quote.bid - level * tick for level in range(levels)]
    return {
        "lastUpdateId": call.now_ms,
        "bids": [[amount(price), size] for price in bids if price > 0],
        "asks": [[amount(quote.ask + level * tick), size] for level in range(levels)],
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
    known = call.exchange.feed.symbols
    rows = [row(name) for name in call.params.symbols(known) or known]
    return rows[0] if "symbol" in call.params else rows


def _symbol(entry: dict[str, Any], status: str) -> dict[str, Any]:
    types = [name for name in entry["orderTypes"] if name in ORDER_TYPES]
    absent = {name: value for name, value in ABSENT.items() if name in entry}
    return entry | absent | {"status": status, "orderTypes": types}


def _rate_limit(row: dict[str, Any], call: Call) -> dict[str, Any]:
    if row["rateLimitType"] == "REQUEST_WEIGHT" and call.exchange.weights.limit:
        return row | {"limit": call.exchange.weights.limit}
    return row


def _level_size(call: Call, symbol: str) -> Decimal:
    return max(call.exchange.engine.rules[symbol].lot.step, Decimal("0.00001")) * 10_000


def _day(call: Call, symbol: str, *, mini: bool) -> dict[str, Any]:
    feed, now_ms = call.exchange.feed, call.now_ms
    bar, last, quote = feed.day(symbol, now_ms), feed.price(symbol, now_ms), feed.quote(symbol, now_ms)
    common = {
        "symbol": symbol,
        "openPrice": text8(bar.open),
        "highPrice": text8(max(bar.high, last)),
        "lowPrice": text8(min(bar.low, last)),
        "lastPrice": text8(last),
        "volume": text8(bar.volume),
        "quoteVolume": text8(bar.quote_volume),
        "openTime": now_ms - 1440 * MS_PER_MINUTE,
        "closeTime": now_ms,
        "firstId": 0,
        "lastId": bar.trades,
        "count": bar.trades,
    }
    if mini:
        return common
    change = Decimal(last - bar.open).scaleb(-8)
    average = bar.quote_volume * SCALE // bar.volume if bar.volume else last
    return common | {
        "priceChange": amount(change),
        "priceChangePercent": format(change * 100 / Decimal(bar.open).scaleb(-8), ".3f"),
        "weightedAvgPrice": text8(average),
        "prevClosePrice": text8(bar.open),
        "lastQty": amount(_level_size(call, symbol)),
        "bidPrice": amount(quote.bid),
        "bidQty": amount(_level_size(call, symbol)),
        "askPrice": amount(quote.ask),
        "askQty": amount(_level_size(call, symbol)),
    }
