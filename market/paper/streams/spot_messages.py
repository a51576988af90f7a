"""The market messages of spot as Binance writes them. Pure: prices in, JSON objects out."""

from __future__ import annotations

from typing import Any

from market.paper.engine.amounts import over, text
from market.paper.engine.ladder import Side, sides
from market.paper.engine.types import Quote
from market.paper.prices.intervals import MS_PER_DAY
from market.paper.prices.path import STEP_MS
from market.paper.prices.types import Bar, Candle, Trade

Message = dict[str, Any]


class SpotMessages:
    """Writes what spot streams say. Amounts have eight decimals."""

    def kline(self, symbol: str, interval: str, candle: Candle, now_ms: int, *, closed: bool) -> Message:
        """<symbol>@kline_<interval>."""
        first_id, last_id = trade_ids(candle.open_ms, min(now_ms, candle.close_ms), candle.bar)
        return {
            "e": "kline",
            "E": now_ms,
            "s": symbol,
            "k": {
                "t": candle.open_ms,
                "T": candle.close_ms,
                "s": symbol,
                "i": interval,
                "f": first_id,
                "L": last_id,
                "o": text(candle.bar.open),
                "c": text(candle.bar.close),
                "h": text(candle.bar.high),
                "l": text(candle.bar.low),
                "v": text(candle.bar.volume),
                "n": candle.bar.trades,
                "x": closed,
                "q": text(candle.bar.quote_volume),
                "V": text(candle.taker_volume),
                "Q": text(candle.taker_quote_volume),
                "B": "0",
            },
        }

    def book_ticker(self, symbol: str, quote: Quote, now_ms: int) -> Message:
        """<symbol>@bookTicker."""
        size = text(quote.level_qty)
        return {"u": quote.step, "s": symbol, "b": text(quote.bid), "B": size, "a": text(quote.ask), "A": size}

    def mini_ticker(self, symbol: str, day: Bar, now_ms: int) -> Message:
        """<symbol>@miniTicker."""
        return {
            "e": "24hrMiniTicker",
            "E": now_ms,
            "s": symbol,
            "c": text(day.close),
            "o": text(day.open),
            "h": text(day.high),
            "l": text(day.low),
            "v": text(day.volume),
            "q": text(day.quote_volume),
        }

    def ticker(self, symbol: str, day: Bar, quote: Quote, now_ms: int) -> Message:
        """<symbol>@ticker."""
        size = text(quote.level_qty)
        first_id, last_id = trade_ids(now_ms - MS_PER_DAY, now_ms, day)
        return {
            "e": "24hrTicker",
            "E": now_ms,
            "s": symbol,
            "p": text(day.close - day.open),
            "P": percent(day),
            "w": text(average(day)),
            "x": text(day.open),
            "c": text(day.close),
            "Q": size,
            "b": text(quote.bid),
            "B": size,
            "a": text(quote.ask),
            "A": size,
            "o": text(day.open),
            "h": text(day.high),
            "l": text(day.low),
            "v": text(day.volume),
            "q": text(day.quote_volume),
            "O": now_ms - MS_PER_DAY,
            "C": now_ms,
            "F": first_id,
            "L": last_id,
            "n": day.trades,
        }

    def trade(self, symbol: str, each: Trade, now_ms: int) -> Message:
        """<symbol>@trade."""
        return {
            "e": "trade",
            "E": now_ms,
            "s": symbol,
            "t": each.trade_id,
            "p": text(each.price),
            "q": text(each.qty),
            "T": each.time_ms,
            "m": each.is_buyer_maker,
            "M": True,
        }

    def agg_trade(self, symbol: str, each: Trade, now_ms: int) -> Message:
        """<symbol>@aggTrade: every trade is an aggregate of its own."""
        return {
            "e": "aggTrade",
            "E": now_ms,
            "s": symbol,
            "a": each.trade_id,
            "p": text(each.price),
            "q": text(each.qty),
            "f": each.trade_id,
            "l": each.trade_id,
            "T": each.time_ms,
            "m": each.is_buyer_maker,
            "M": True,
        }

    def average_price(self, symbol: str, price: int, minutes: int, last_trade_ms: int, now_ms: int) -> Message:
        """<symbol>@avgPrice."""
        return {"e": "avgPrice", "E": now_ms, "s": symbol, "i": f"{minutes}m", "w": text(price), "T": last_trade_ms}

    def partial_depth(self, symbol: str, quote: Quote, levels: int, *, after: int, now_ms: int) -> Message:
        """<symbol>@depth<levels>."""
        bids, asks = sides(quote, levels)
        return {"lastUpdateId": quote.step, "bids": _rows(bids), "asks": _rows(asks)}

    def diff_depth(self, symbol: str, bids: Side, asks: Side, *, after: int, until: int, now_ms: int) -> Message:
        """<symbol>@depth: the levels that changed between two steps, with their new quantities."""
        update = {"e": "depthUpdate", "E": now_ms, "s": symbol, "U": after + 1, "u": until}
        return update | {"b": _rows(bids), "a": _rows(asks)}


def trade_ids(first_ms: int, last_ms: int, bar: Bar) -> tuple[int, int]:
    """First and last possible trade id: a trade's id is the number of its step. -1 when there were no trades."""
    return (first_ms // STEP_MS, last_ms // STEP_MS) if bar.trades else (-1, -1)


def percent(day: Bar) -> str:
    """By how much the price changed, with three decimals."""
    return f"{(day.close - day.open) * 100 / day.open:.3f}"


def average(day: Bar) -> int:
    """The volume-weighted price of a candle; its close when nothing traded."""
    return over(day.quote_volume, day.volume) if day.volume else day.close


def _rows(side: Side) -> list[list[str]]:
    return [[text(price), text(quantity)] for price, quantity in side]
