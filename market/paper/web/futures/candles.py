"""Candles of the last, mark and index price, by symbol or by pair. A perpetual's pair is called like its symbol."""

from __future__ import annotations

from market.paper.prices.types import Kind
from market.paper.web import errors
from market.paper.web.call import Call
from market.paper.web.errors import ApiError
from market.paper.web.futures import reading
from market.paper.web.params import Params

MOST = 1500
DEFAULT = 500
CONTRACTS = ("PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER")


def klines(call: Call) -> bytes:
    """GET klines: the last row is the candle that is still open."""
    return _candles(call, call.params.symbol(call.futures.feed.symbols), "last")


def mark_price_klines(call: Call) -> bytes:
    """GET markPriceKlines."""
    return _candles(call, call.params.symbol(call.futures.feed.symbols), "mark")


def index_price_klines(call: Call) -> bytes:
    """GET indexPriceKlines."""
    return _candles(call, _pair(call), "index")


def continuous_klines(call: Call) -> bytes:
    """GET continuousKlines: only perpetual contracts have prices here."""
    pair = _pair(call)
    contract = reading.word(call.params, "contractType", CONTRACTS, ApiError(-4104, "Invalid contract type"))
    if contract != "PERPETUAL":
        raise errors.invalid_symbol()
    return _candles(call, pair, "last")


def klines_weight(params: Params) -> int:
    """1, 2, 5 or 10, by how many."""
    text = params.text("limit") or str(DEFAULT)
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else DEFAULT
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


def _candles(call: Call, symbol: str, kind: Kind) -> bytes:
    params, feed = call.params, call.futures.feed
    interval = reading.word(params, "interval", feed.intervals, ApiError(-1120, "Invalid interval."))
    limit = reading.limit(params, DEFAULT, MOST)
    start_ms, end_ms = params.integer("startTime"), params.integer("endTime")
    return feed.klines(symbol, interval, call.now_ms, limit=limit, start_ms=start_ms, end_ms=end_ms, kind=kind)


def _pair(call: Call) -> str:
    return reading.word(call.params, "pair", call.futures.feed.symbols, ApiError(-4144, "Invalid pair"))
