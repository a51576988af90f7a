"""The market messages of USDⓈ-M futures. Pure.

``st`` (1: USDⓈ-M), ``ps`` (the pair), ``nq`` and ``ap`` came with the merger of the two futures markets in 2026: they
are in the official SDK's models, ``st`` and ``ps`` also in recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from market.paper.engine.amounts import DECIMALS, text
from market.paper.engine.ladder import Side, sides
from market.paper.engine.types import Quote
from market.paper.prices.intervals import MS_PER_DAY
from market.paper.prices.types import Bar, Candle, Trade
from market.paper.streams.spot_messages import average, percent, trade_ids

Message = dict[str, Any]

USD_MARGINED = 1


@dataclass(frozen=True, slots=True)
class Form:
    """How a symbol is written. What has more decimals than it should is cut off, as in REST's candles."""

    symbol: str
    pair: str
    margin_asset: str
    price_decimals: int
    quantity_decimals: int

    def price(self, amount: int) -> str:
        """A price as futures write it."""
        return cut(amount, self.price_decimals)

    def quantity(self, amount: int) -> str:
        """A quantity as futures write it."""
        return cut(amount, self.quantity_decimals)

    def worth(self, amount: int) -> str:
        """A price times a quantity as futures write it."""
        return cut(amount, self.price_decimals + self.quantity_decimals)


def cut(amount: int, decimals: int) -> str:
    """Write an amount with so many decimals."""
    written = text(amount)
    return written[: decimals - DECIMALS or None] if decimals else written[: -DECIMALS - 1]


def form_of(entry: Mapping[str, Any]) -> Form:
    """Read an exchangeInfo ``symbols[]`` entry."""
    decimals = int(entry["pricePrecision"]), int(entry["quantityPrecision"])
    return Form(entry["symbol"], entry["pair"], entry["marginAsset"], *decimals)


class FuturesMessages:
    """Writes what futures streams say."""

    def __init__(self, forms: Mapping[str, Form]) -> None:
        self._forms = forms

    def kline(self, symbol: str, interval: str, candle: Candle, now_ms: int, *, closed: bool) -> Message:
        """<symbol>@kline_<interval>."""
        form = self._forms[symbol]
        candle_of = {"s": symbol} | _candle(form, interval, candle, now_ms, closed=closed)
        return {"e": "kline", "E": now_ms, "s": symbol, "k": candle_of}

    def continuous_kline(self, symbol: str, interval: str, candle: Candle, now_ms: int, *, closed: bool) -> Message:
        """<pair>_perpetual@continuousKline_<interval>."""
        form = self._forms[symbol]
        head = {"e": "continuous_kline", "E": now_ms, "ps": form.pair, "ct": "PERPETUAL"}
        return head | {"k": _candle(form, interval, candle, now_ms, closed=closed)}

    def book_ticker(self, symbol: str, quote: Quote, now_ms: int) -> Message:
        """<symbol>@bookTicker and !bookTicker."""
        form = self._forms[symbol]
        size = form.quantity(quote.level_qty)
        return {
            "e": "bookTicker",
            "u": quote.step,
            "s": symbol,
            "ps": form.pair,
            "b": form.price(quote.bid),
            "B": size,
            "a": form.price(quote.ask),
            "A": size,
            "T": now_ms,
            "E": now_ms,
            "st": USD_MARGINED,
        }

    def mini_ticker(self, symbol: str, day: Bar, now_ms: int) -> Message:
        """<symbol>@miniTicker."""
        form = self._forms[symbol]
        head = {"e": "24hrMiniTicker", "E": now_ms, "s": symbol}
        return head | _day(form, day) | {"ps": form.pair, "st": USD_MARGINED}

    def ticker(self, symbol: str, day: Bar, quote: Quote, now_ms: int) -> Message:
        """<symbol>@ticker."""
        form = self._forms[symbol]
        first_id, last_id = trade_ids(now_ms - MS_PER_DAY, now_ms, day)
        return {
            "e": "24hrTicker",
            "E": now_ms,
            "s": symbol,
            "ps": form.pair,
            "p": form.price(day.close - day.open),
            "P": percent(day),
            "w": form.price(average(day)),
            "Q": form.quantity(quote.level_qty),
            **_day(form, day),
            "O": now_ms - MS_PER_DAY,
            "C": now_ms,
            "F": first_id,
            "L": last_id,
            "n": day.trades,
            "st": USD_MARGINED,
        }

    def trade(self, symbol: str, each: Trade, now_ms: int) -> Message:
        """<symbol>@trade."""
        form = self._forms[symbol]
        return {
            "e": "trade",
            "E": now_ms,
            "T": each.time_ms,
            "s": symbol,
            "t": each.trade_id,
            "p": form.price(each.price),
            "q": form.quantity(each.qty),
            "X": "MARKET",
            "m": each.is_buyer_maker,
        }

    def agg_trade(self, symbol: str, each: Trade, now_ms: int) -> Message:
        """<symbol>@aggTrade: every trade is an aggregate of its own."""
        form = self._forms[symbol]
        return {
            "e": "aggTrade",
            "E": now_ms,
            "a": each.trade_id,
            "s": symbol,
            "p": form.price(each.price),
            "q": form.quantity(each.qty),
            "nq": form.quantity(each.qty),
            "f": each.trade_id,
            "l": each.trade_id,
            "T": each.time_ms,
            "m": each.is_buyer_maker,
            "st": USD_MARGINED,
        }

    def mark_price(self, symbol: str, quote: Quote, rate: int, funding_ms: int, now_ms: int) -> Message:
        """<symbol>@markPrice. ``rate`` (10**-8) is what the funding at ``funding_ms`` will be."""
        return {
            "e": "markPriceUpdate",
            "E": now_ms,
            "s": symbol,
            "p": text(quote.mark),
            "ap": text(quote.mark),
            "P": text(quote.mark),
            "i": text(quote.index),
            "r": text(rate),
            "T": funding_ms,
            "st": USD_MARGINED,
        }

    def partial_depth(self, symbol: str, quote: Quote, levels: int, *, after: int, now_ms: int) -> Message:
        """<symbol>@depth<levels>. ``after`` is the step of the message before."""
        bids, asks = sides(quote, levels)
        return self.diff_depth(symbol, bids, asks, after=after, until=quote.step, now_ms=now_ms)

    def diff_depth(self, symbol: str, bids: Side, asks: Side, *, after: int, until: int, now_ms: int) -> Message:
        """<symbol>@depth: the levels that changed since the message before, with their new quantities."""
        form = self._forms[symbol]
        return {
            "e": "depthUpdate",
            "E": now_ms,
            "T": now_ms,
            "s": symbol,
            "ps": form.pair,
            "U": after + 1,
            "u": until,
            "pu": after,
            "b": _rows(form, bids),
            "a": _rows(form, asks),
            "st": USD_MARGINED,
        }


def _candle(form: Form, interval: str, candle: Candle, now_ms: int, *, closed: bool) -> Message:
    bar = candle.bar
    first_id, last_id = trade_ids(candle.open_ms, min(now_ms, candle.close_ms), bar)
    return {
        "t": candle.open_ms,
        "T": candle.close_ms,
        "i": interval,
        "f": first_id,
        "L": last_id,
        "o": form.price(bar.open),
        "c": form.price(bar.close),
        "h": form.price(bar.high),
        "l": form.price(bar.low),
        "v": form.quantity(bar.volume),
        "n": bar.trades,
        "x": closed,
        "q": form.worth(bar.quote_volume),
        "V": form.quantity(candle.taker_volume),
        "Q": form.worth(candle.taker_quote_volume),
        "B": "0",
    }


def _day(form: Form, day: Bar) -> Message:
    return {
        "c": form.price(day.close),
        "o": form.price(day.open),
        "h": form.price(day.high),
        "l": form.price(day.low),
        "v": form.quantity(day.volume),
        "q": form.worth(day.quote_volume),
    }


def _rows(form: Form, side: Side) -> list[list[str]]:
    return [[form.price(price), form.quantity(quantity)] for price, quantity in side]
