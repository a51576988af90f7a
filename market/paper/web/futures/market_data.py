"""Public endpoints: rules, book, trades, prices, funding. Nothing here needs a signature."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from market.paper.engine.amounts import SCALE
from market.paper.prices.types import Funding, Trade
from market.paper.web.call import Call
from market.paper.web.common import book, rate_limits
from market.paper.web.errors import ApiError
from market.paper.web.futures import formats, reading
from market.paper.web.params import Params

DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
DEFAULT_DEPTH = 500
HOUR_MS = 3_600_000
INTEREST_RATE = SCALE // 10_000
FUNDING_HOURS = 8
# Binance took this filter out of the futures rules on 2025-12-29; the recordings are older.
WITHDRAWN_FILTER = "MAX_NUM_ALGO_ORDERS"

Row = Callable[[str], dict[str, Any]]


def exchange_info(call: Call) -> dict[str, Any]:
    """GET exchangeInfo: the recorded rules and the present status of every symbol. Parameters change nothing."""
    info, engine = call.futures.info, call.futures.engine
    return info | {
        "serverTime": call.now_ms,
        "rateLimits": rate_limits(call.futures),
        "symbols": [_symbol(entry, engine.statuses[entry["symbol"]]) for entry in info["symbols"]],
    }


def depth(call: Call) -> dict[str, Any]:
    """GET depth: the ladder that orders trade against."""
    symbol = call.params.symbol(call.futures.feed.symbols)
    limit = call.params.integer("limit")
    if limit is not None and limit not in DEPTHS:
        raise ApiError(-4021, f"{limit} is not valid depth limit")
    rules, quote = call.futures.engine.rules[symbol], call.futures.quote(symbol, call.now_ms)
    told = book(quote, limit or DEFAULT_DEPTH, partial(formats.price, rules), partial(formats.quantity, rules))
    return told | {"E": call.now_ms, "T": call.now_ms}


def trades(call: Call) -> list[dict[str, Any]]:
    """GET trades: the newest."""
    symbol = call.params.symbol(call.futures.feed.symbols)
    limit = reading.limit(call.params, 500, 1000)
    return [_trade(call, symbol, each) for each in call.futures.feed.trades(symbol, call.now_ms, limit=limit)]


def historical_trades(call: Call) -> list[dict[str, Any]]:
    """GET historicalTrades: from an id on, else the newest."""
    symbol = call.params.symbol(call.futures.feed.symbols)
    limit, from_id = reading.limit(call.params, 100, 500), call.params.integer("fromId")
    found = call.futures.feed.trades(symbol, call.now_ms, limit=limit, from_id=from_id)
    return [_trade(call, symbol, each) for each in found]


def aggregate_trades(call: Call) -> list[dict[str, Any]]:
    """GET aggTrades: each public trade is one of its own."""
    params = call.params
    symbol = params.symbol(call.futures.feed.symbols)
    from_id, limit = params.integer("fromId"), reading.limit(params, 500, 1000)
    start_ms, end_ms = params.integer("startTime"), params.integer("endTime")
    if start_ms is not None and end_ms is not None:
        if start_ms > end_ms:
            raise ApiError(-1023, "Start time is greater than end time.")
        if end_ms - start_ms > HOUR_MS:
            raise ApiError(-1127, "More than 1 hours between startTime and endTime.")
    found = call.futures.feed.trades(
        symbol, call.now_ms, limit=limit, from_id=from_id, start_ms=start_ms, end_ms=end_ms
    )
    return [_aggregate(call, symbol, each) for each in found]


def premium_index(call: Call) -> Any:
    """GET premiumIndex: mark and index price, and the funding to come."""
    feed, now_ms = call.futures.feed, call.now_ms

    def row(symbol: str) -> dict[str, Any]:
        quote, due_ms = feed.quote(symbol, now_ms), feed.next_funding_ms(now_ms)
        return {
            "symbol": symbol,
            "markPrice": formats.money(quote.mark),
            "indexPrice": formats.money(quote.index),
            "estimatedSettlePrice": formats.money(quote.index),
            "lastFundingRate": formats.money(feed.funding_rate(symbol, due_ms)),
            "interestRate": formats.money(INTEREST_RATE),
            "nextFundingTime": due_ms,
            "time": now_ms,
        }

    return _one_or_all(call, row)


def funding_rates(call: Call) -> list[dict[str, Any]]:
    """GET fundingRate: the past fundings of one symbol or all, oldest first."""
    params, feed = call.params, call.futures.feed
    symbol = reading.optional_symbol(params, feed.symbols)
    limit = reading.limit(params, 100, 1000)
    start_ms, end_ms = params.integer("startTime"), params.integer("endTime")
    found: list[Funding] = []
    for name in [symbol] if symbol else feed.symbols:
        found += feed.funding_history(name, call.now_ms, limit=limit, start_ms=start_ms, end_ms=end_ms)
    found.sort(key=lambda funding: funding.at_ms)
    return [_funding(each) for each in (found[-limit:] if start_ms is None else found[:limit])]


def funding_info(call: Call) -> list[dict[str, Any]]:
    """GET fundingInfo: how high a rate may get, three quarters of the lowest maintenance margin ratio."""
    info, rules = call.futures.info, call.futures.engine.rules
    rows = []
    for entry in info["symbols"]:
        cap = rules[entry["symbol"]].brackets[0].ratio * 3 // 4
        row = {
            "symbol": entry["symbol"],
            "adjustedFundingRateCap": formats.money(cap),
            "adjustedFundingRateFloor": formats.money(-cap),
            "fundingIntervalHours": FUNDING_HOURS,
            "disclaimer": False,
            "updateTime": entry["onboardDate"],
        }
        rows.append(row)
    return rows


def ticker_price(call: Call) -> Any:
    """GET ticker/price, v1 and v2."""

    def row(symbol: str) -> dict[str, Any]:
        rules, price = call.futures.engine.rules[symbol], call.futures.feed.price(symbol, call.now_ms)
        return {"symbol": symbol, "price": formats.price(rules, price), "time": call.now_ms}

    return _one_or_all(call, row)


def book_ticker(call: Call) -> Any:
    """GET ticker/bookTicker."""

    def row(symbol: str) -> dict[str, Any]:
        rules, quote = call.futures.engine.rules[symbol], call.futures.quote(symbol, call.now_ms)
        size = formats.quantity(rules, quote.level_qty)
        return {
            "symbol": symbol,
            "bidPrice": formats.price(rules, quote.bid),
            "bidQty": size,
            "askPrice": formats.price(rules, quote.ask),
            "askQty": size,
            "time": call.now_ms,
            "lastUpdateId": quote.step,
        }

    return _one_or_all(call, row)


def ticker_day(call: Call) -> Any:
    """GET ticker/24hr."""
    feed, now_ms = call.futures.feed, call.now_ms

    def row(symbol: str) -> dict[str, Any]:
        rules, bar, last = call.futures.engine.rules[symbol], feed.day(symbol, now_ms), feed.price(symbol, now_ms)
        average = bar.quote_volume * SCALE // bar.volume if bar.volume else last
        return {
            "symbol": symbol,
            "priceChange": formats.price(rules, last - bar.open),
            "priceChangePercent": format((last - bar.open) * 100 / bar.open, ".3f"),
            "weightedAvgPrice": formats.price(rules, average),
            "lastPrice": formats.price(rules, last),
            "lastQty": formats.quantity(rules, feed.quote(symbol, now_ms).level_qty),
            "openPrice": formats.price(rules, bar.open),
            "highPrice": formats.price(rules, max(bar.high, last)),
            "lowPrice": formats.price(rules, min(bar.low, last)),
            "volume": formats.quantity(rules, bar.volume),
            "quoteVolume": formats.price(rules, bar.quote_volume),
            "openTime": now_ms - reading.DAY_MS,
            "closeTime": now_ms,
            # A public trade's id is the number of its step.
            "firstId": feed.step(now_ms - reading.DAY_MS) if bar.trades else -1,
            "lastId": feed.step(now_ms) if bar.trades else -1,
            "count": bar.trades,
        }

    return _one_or_all(call, row)


def depth_weight(params: Params) -> int:
    """2 to 20, by how deep."""
    text = params.text("limit") or str(DEFAULT_DEPTH)
    return next((weight for limit, weight in DEPTH_WEIGHTS.items() if text == str(limit)), 2)


def _one_or_all(call: Call, row: Row) -> Any:
    symbol = reading.optional_symbol(call.params, call.futures.feed.symbols)
    return row(symbol) if symbol else [row(name) for name in call.futures.feed.symbols]


def _symbol(entry: dict[str, Any], status: str) -> dict[str, Any]:
    filters = [each for each in entry["filters"] if each["filterType"] != WITHDRAWN_FILTER]
    return entry | {"status": status, "filters": filters}


def _trade(call: Call, symbol: str, trade: Trade) -> dict[str, Any]:
    rules = call.futures.engine.rules[symbol]
    return {
        "id": trade.trade_id,
        "price": formats.price(rules, trade.price),
        "qty": formats.quantity(rules, trade.qty),
        "quoteQty": formats.price(rules, trade.quote_qty),
        "time": trade.time_ms,
        "isBuyerMaker": trade.is_buyer_maker,
        "isRPITrade": False,
    }


def _aggregate(call: Call, symbol: str, trade: Trade) -> dict[str, Any]:
    """``nq`` is the quantity without price improvement orders, of which there are none here."""
    rules = call.futures.engine.rules[symbol]
    size = formats.quantity(rules, trade.qty)
    return {
        "a": trade.trade_id,
        "p": formats.price(rules, trade.price),
        "q": size,
        "nq": size,
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": trade.time_ms,
        "m": trade.is_buyer_maker,
    }


def _funding(funding: Funding) -> dict[str, Any]:
    return {
        "symbol": funding.symbol,
        "fundingRate": formats.money(funding.rate),
        "fundingTime": funding.at_ms,
        "markPrice": formats.money(funding.mark),
        "rateType": "Regular",
    }
