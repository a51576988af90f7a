"""Public endpoints: rules, candles, trades, the book. Nothing here needs a key."""

from __future__ import annotations

from typing import Any

import orjson

from market.paper.engine.amounts import text as amount
from market.paper.prices.recording import MS_PER_MINUTE
from market.paper.prices.tape import AVERAGE_MINUTES
from market.paper.prices.types import NoZone, Trade
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.common import book, rate_limits
from market.paper.web.errors import ApiError
from market.paper.web.params import Params

# What a symbol can do on Binance and cannot do here; the recordings are older than some of it.
ABSENT = dict.fromkeys(("otoAllowed", "opoAllowed", "pegInstructionsAllowed", "isMarginTradingAllowed"), False)
STATUSES = ("TRADING", "HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY")
MAX_ROWS = 1000
ZONE = r"^[+-]?([0-9]{1,2})(:[0-5][0-9])?$"


def exchange_info(call: Call) -> dict[str, Any]:
    """GET exchangeInfo: the recorded rules, the present status, and only what this exchange can do."""
    info, engine, params = call.spot.info, call.spot.engine, call.params
    named = params.symbols(engine.rules)
    status, permissions = params.choice("symbolStatus", STATUSES, ""), _permissions(params)
    if named is not None and (status or permissions):
        raise errors.bad_combination()
    sets = params.choice("showPermissionSets", ("true", "false"), "true") == "true"
    entries = {entry["symbol"]: entry for entry in info["symbols"]}
    shown = [name for name in named or engine.rules if not status or engine.statuses[name] == status]
    return {
        "timezone": "UTC",
        "serverTime": call.server_ms,
        "rateLimits": rate_limits(call.spot),
        "exchangeFilters": info["exchangeFilters"],
        "symbols": [
            _symbol(entries[name], engine.statuses[name], with_sets=sets)
            for name in shown
            if not permissions or permissions & _permitted(entries[name])
        ],
    }


def klines(call: Call) -> bytes:
    """GET klines and uiKlines: the last row is the candle that is still open."""
    params, feed = call.params, call.spot.feed
    symbol = params.symbol(feed.symbols)
    interval = params.required("interval")
    if interval not in feed.intervals:
        raise ApiError(-1120, "Invalid interval.")
    try:
        return feed.klines(
            symbol,
            interval,
            call.now_ms,
            limit=params.limit(500, MAX_ROWS),
            start_ms=params.moment("startTime"),
            end_ms=params.moment("endTime"),
            zone_ms=zone(params),
        )
    except NoZone as error:
        raise errors.invalid("timeZone") from error


def trades(call: Call) -> list[dict[str, Any]]:
    """GET trades: the newest."""
    symbol = call.params.symbol(call.spot.feed.symbols)
    limit = call.params.limit(500, MAX_ROWS)
    return [_trade(each) for each in call.spot.feed.trades(symbol, call.now_ms, limit=limit)]


def historical_trades(call: Call) -> list[dict[str, Any]]:
    """GET historicalTrades: from an id on, else the newest."""
    symbol = call.params.symbol(call.spot.feed.symbols)
    limit, from_id = call.params.limit(500, MAX_ROWS), call.params.integer("fromId")
    return [_trade(each) for each in call.spot.feed.trades(symbol, call.now_ms, limit=limit, from_id=from_id)]


def aggregate_trades(call: Call) -> list[dict[str, Any]]:
    """GET aggTrades: each public trade is one of its own."""
    params = call.params
    symbol = params.symbol(call.spot.feed.symbols)
    found = call.spot.feed.trades(
        symbol,
        call.now_ms,
        limit=params.limit(500, MAX_ROWS),
        from_id=params.integer("fromId"),
        start_ms=params.moment("startTime"),
        end_ms=params.moment("endTime"),
    )
    return [_aggregate(each) for each in found]


def average_price(call: Call) -> dict[str, Any]:
    """GET avgPrice."""
    symbol = call.params.symbol(call.spot.feed.symbols)
    price = call.spot.feed.average_price(symbol, call.now_ms)
    return {"mins": AVERAGE_MINUTES, "price": amount(price), "closeTime": call.now_ms}


def depth(call: Call) -> dict[str, Any]:
    """GET depth: the ladder that orders trade against."""
    symbol = call.params.symbol(call.spot.feed.symbols)
    require_status(call, symbol)
    return book(call.spot.quote(symbol, call.now_ms), call.params.limit(100, 5000), amount, amount)


def depth_weight(params: Params) -> int:
    """5, 25, 50 or 250, by how deep."""
    text = params.text("limit") or "100"
    limit = int(text) if text.isdecimal() and len(text) < 6 else 100
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250


def require_status(call: Call, symbol: str) -> None:
    """Raise -1220 when the client wants the symbol in another status."""
    status = call.params.choice("symbolStatus", STATUSES, "")
    if status and call.spot.engine.statuses[symbol] != status:
        raise ApiError(-1220, "The symbol's status does not match the requested symbolStatus.")


def zone(params: Params) -> int:
    """By how many milliseconds the clocks of ``timeZone`` are ahead of UTC; -1130 where no clock is."""
    text = params.matching("timeZone", ZONE) or "0"
    hours, _, minutes = text.lstrip("+-").partition(":")
    ahead = (int(hours) * 60 + int(minutes or 0)) * (-1 if text.startswith("-") else 1)
    if not -12 * 60 <= ahead <= 14 * 60:
        raise errors.invalid("timeZone")
    return ahead * MS_PER_MINUTE


def _symbol(entry: dict[str, Any], status: str, *, with_sets: bool) -> dict[str, Any]:
    changed = ABSENT | {"status": status}
    return entry | changed if with_sets else entry | changed | {"permissionSets": []}


def _permitted(entry: dict[str, Any]) -> set[str]:
    return {name for group in entry.get("permissionSets", []) for name in group} | set(entry["permissions"])


def _permissions(params: Params) -> set[str]:
    """One permission, or a JSON list of them."""
    value = params.matching("permissions", '^[A-Z0-9_,"\\[\\] ]{1,8000}$')
    if value is None or not value.startswith("["):
        return {value} if value else set()
    try:
        names = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise errors.invalid("permissions") from error
    if not all(isinstance(name, str) for name in names):
        raise errors.invalid("permissions")
    return set(names)


def _trade(trade: Trade) -> dict[str, Any]:
    return {
        "id": trade.trade_id,
        "price": amount(trade.price),
        "qty": amount(trade.qty),
        "quoteQty": amount(trade.quote_qty),
        "time": trade.time_ms,
        "isBuyerMaker": trade.is_buyer_maker,
        "isBestMatch": True,
    }


def _aggregate(trade: Trade) -> dict[str, Any]:
    return {
        "a": trade.trade_id,
        "p": amount(trade.price),
        "q": amount(trade.qty),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": trade.time_ms,
        "m": trade.is_buyer_maker,
        "M": True,
    }
