"""Public endpoints about prices now and over a window."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from market.paper.engine.amounts import over, units
from market.paper.engine.amounts import text as amount
from market.paper.prices.path import STEP_MS
from market.paper.prices.recording import MS_PER_MINUTE
from market.paper.prices.types import Bar
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.params import Params
from market.paper.web.spot.market_data import STATUSES, require_status, zone

Row = Callable[[str], dict[str, Any]]

DAY_MS = 1440 * MS_PER_MINUTE
MOST_SYMBOLS = 100
MINUTES = {"m": 1, "h": 60, "d": 1440}
LONGEST = {"m": 59, "h": 23, "d": 7}


def price(call: Call) -> Any:
    """GET ticker/price."""
    feed = call.spot.feed
    return _one_or_all(call, lambda name: {"symbol": name, "price": amount(feed.price(name, call.now_ms))})


def book(call: Call) -> Any:
    """GET ticker/bookTicker."""

    def best(name: str) -> dict[str, str]:
        quote = call.spot.quote(name, call.now_ms)
        size = amount(quote.level_qty)
        sides = {"bidPrice": amount(quote.bid), "bidQty": size, "askPrice": amount(quote.ask), "askQty": size}
        return {"symbol": name} | sides

    return _one_or_all(call, best)


def day(call: Call) -> Any:
    """GET ticker/24hr."""
    mini = _is_mini(call.params)

    def row(name: str) -> dict[str, Any]:
        bar = _until_now(call, name, call.spot.feed.day(name, call.now_ms))
        shown = _statistics(name, bar, call.now_ms - DAY_MS, call.now_ms, mini=mini)
        return shown if mini else shown | _last_24_hours(call, name, bar)

    return _one_or_all(call, row)


def window(call: Call) -> Any:
    """GET ticker: a window that ends now and begins with a minute."""
    text = call.params.text("windowSize") or "1d"
    found = re.fullmatch("([0-9]{1,2})([mhd])", text)
    if not found or not 1 <= int(found[1]) <= LONGEST[found[2]]:
        raise ApiError(-1130, "Data sent for parameter 'windowSize' is not valid.")
    start_ms = (call.now_ms // MS_PER_MINUTE - int(found[1]) * MINUTES[found[2]]) * MS_PER_MINUTE
    return _since(call, start_ms)


def trading_day(call: Call) -> Any:
    """GET ticker/tradingDay: since midnight, in a time zone of hours and minutes beside UTC."""
    zone_ms = zone(call.params)
    start_ms = (call.now_ms + zone_ms) // DAY_MS * DAY_MS - zone_ms
    return _since(call, start_ms, end_ms=start_ms + DAY_MS - 1)


def weight(params: Params) -> int:
    """2 for one symbol, 4 otherwise."""
    return 2 if "symbol" in params else 4


def day_weight(params: Params) -> int:
    """2 for one symbol or a few, 40 for more than 20 of them, 80 for all or more than 100."""
    if "symbol" in params:
        return 2
    wanted = 1 + (params.text("symbols") or "," * MOST_SYMBOLS).count(",")
    return 2 if wanted <= 20 else 40 if wanted <= MOST_SYMBOLS else 80


def window_weight(params: Params) -> int:
    """4 for each symbol, at most 200."""
    return min(200, 4 * (1 + (params.text("symbols") or "").count(",")))


def _one_or_all(call: Call, row: Row) -> Any:
    known = call.spot.feed.symbols
    return _rows(call, call.params.symbols(known) or known, row)


def _rows(call: Call, names: list[str], row: Row) -> Any:
    """One row for one symbol, which must have the status that is wanted; else the rows of those that have it."""
    if "symbol" in call.params:
        require_status(call, names[0])
        return row(names[0])
    status, statuses = call.params.choice("symbolStatus", STATUSES, ""), call.spot.engine.statuses
    return [row(name) for name in names if not status or statuses[name] == status]


def _since(call: Call, start_ms: int, end_ms: int | None = None) -> Any:
    mini, names = _is_mini(call.params), call.params.symbols(call.spot.feed.symbols)
    if names is None:
        raise errors.either("symbol", "symbols")
    if len(names) > MOST_SYMBOLS:
        raise errors.invalid("symbols")
    until_ms = call.now_ms if end_ms is None else end_ms
    return _rows(call, names, lambda name: _statistics(name, _bar(call, name, start_ms), start_ms, until_ms, mini=mini))


def _bar(call: Call, symbol: str, start_ms: int) -> Bar:
    """The candles from a moment until now as one."""
    minutes = (call.now_ms - start_ms) // MS_PER_MINUTE + 1
    rows = call.spot.feed.klines(symbol, "1m", call.now_ms, limit=minutes, start_ms=start_ms, end_ms=None)
    bars = [_bar_of(row) for row in orjson.loads(rows)]
    if not bars:
        last = call.spot.feed.price(symbol, call.now_ms)
        return Bar(last, last, last, last, 0, 0, 0)
    whole = Bar(
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume for bar in bars),
        quote_volume=sum(bar.quote_volume for bar in bars),
        trades=sum(bar.trades for bar in bars),
    )
    return _until_now(call, symbol, whole)


def _bar_of(row: list[Any]) -> Bar:
    first, high, low, last, volume = (units(text) for text in row[1:6])
    return Bar(first, high, low, last, volume, quote_volume=units(row[7]), trades=row[8])


def _until_now(call: Call, symbol: str, bar: Bar) -> Bar:
    """A candle that ends with the price of now, though it may be held still."""
    last = call.spot.feed.price(symbol, call.now_ms)
    return bar._replace(close=last, high=max(bar.high, last), low=min(bar.low, last))


def _statistics(symbol: str, bar: Bar, start_ms: int, end_ms: int, *, mini: bool) -> dict[str, Any]:
    average = over(bar.quote_volume, bar.volume) if bar.volume else bar.close
    change = {
        "priceChange": amount(bar.close - bar.open),
        "priceChangePercent": format((bar.close - bar.open) * 100 / bar.open, ".3f"),
        "weightedAvgPrice": amount(average),
    }
    return {
        "symbol": symbol,
        **({} if mini else change),
        "openPrice": amount(bar.open),
        "highPrice": amount(bar.high),
        "lowPrice": amount(bar.low),
        "lastPrice": amount(bar.close),
        "volume": amount(bar.volume),
        "quoteVolume": amount(bar.quote_volume),
        "openTime": start_ms,
        "closeTime": end_ms,
        # A public trade's id is the number of its step.
        "firstId": start_ms // STEP_MS if bar.trades else -1,
        "lastId": end_ms // STEP_MS if bar.trades else -1,
        "count": bar.trades,
    }


def _last_24_hours(call: Call, symbol: str, bar: Bar) -> dict[str, str]:
    """What ticker/24hr tells beyond the statistics."""
    quote = call.spot.quote(symbol, call.now_ms)
    size = amount(quote.level_qty)
    sides = {"bidPrice": amount(quote.bid), "bidQty": size, "askPrice": amount(quote.ask), "askQty": size}
    return {"prevClosePrice": amount(bar.open), "lastQty": size} | sides


def _is_mini(params: Params) -> bool:
    value = params.text("type")
    if value not in (None, "FULL", "MINI"):
        raise ApiError(-1139, "Invalid ticker type.")
    return value == "MINI"
