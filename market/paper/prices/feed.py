"""Prices of one market: its recording replayed as a loop that leads up to now.

The anchor says which recorded minute was which minute of the exchange's clock at the first start; it is kept in the
ledger, so a restart goes on where the replay is. Before the anchor the loop runs backwards: there is history at once.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from market.paper.engine.types import Quote
from market.paper.prices.funding import FundingRates, next_funding_ms
from market.paper.prices.intervals import INTERVALS
from market.paper.prices.klines import Decimals
from market.paper.prices.path import STEP_MS
from market.paper.prices.quotes import Book, Quotes
from market.paper.prices.rates import BnbRate
from market.paper.prices.recording import MINUTES_PER_DAY, MS_PER_MINUTE, Recording
from market.paper.prices.series import Series
from market.paper.prices.tape import Anchor, Tape
from market.paper.prices.trades import Trades
from market.paper.prices.types import Bar, Candle, Funding, Kind, Trade

# Older than this the exchange did not exist: a client that pages back to the beginning must arrive there.
HISTORY_MINUTES = 1000 * MINUTES_PER_DAY

DEFAULT_BOOK = Book()


class Feed:
    """A PriceFeed: prices, candles, trades of a market's symbols. Pure but for ``override`` and ``set_book``."""

    def __init__(self, recording: Recording, anchor: Anchor, *, book: Book = DEFAULT_BOOK) -> None:
        has_mark = recording.market == "futures"
        if has_mark:
            anchor = anchor.by_whole_days()  # funding is at fixed times of the day
        first_minute = anchor.exchange - HISTORY_MINUTES
        first_ms = first_minute * MS_PER_MINUTE
        tapes = {symbol: Tape(symbol, recording, anchor) for symbol in recording.candles}
        self.symbols = list(tapes)
        self.intervals = [name for name in INTERVALS if name != "1s" or recording.market == "spot"]
        self._quotes = {symbol: Quotes(tape, book, has_mark=has_mark) for symbol, tape in tapes.items()}
        self._trades = {symbol: Trades(tape, first_minute) for symbol, tape in tapes.items()}
        self._series = {
            entry["symbol"]: Series(tapes[entry["symbol"]], first_ms, decimals_of(entry))
            for entry in recording.exchange_info["symbols"]
        }
        self._funding = {
            symbol: FundingRates(tapes[symbol], rates, first_ms) for symbol, rates in recording.funding.items()
        }
        self._bnb = BnbRate(recording, anchor)

    def step(self, now_ms: int) -> int:
        """The number of the step of the market at a moment: it changes when prices may."""
        return now_ms // STEP_MS

    def price(self, symbol: str, now_ms: int) -> int:
        """The last price."""
        return self._quotes[symbol].at(now_ms // STEP_MS).last

    def quote(self, symbol: str, now_ms: int) -> Quote:
        """The market at a moment; the same object until the next step."""
        return self._quotes[symbol].at(now_ms // STEP_MS)

    def quotes_between(self, symbol: str, after_ms: int, until_ms: int) -> list[tuple[int, Quote]]:
        """Moment and quote of every step in ``(after_ms, until_ms]``, oldest first."""
        return self._quotes[symbol].between(after_ms // STEP_MS + 1, until_ms // STEP_MS)

    def average_price(self, symbol: str, now_ms: int) -> int:
        """The volume-weighted price of the last five closed minutes; a price of this minute when nothing traded."""
        return self._quotes[symbol].at(now_ms // STEP_MS).average

    def klines(
        self,
        symbol: str,
        interval: str,
        now_ms: int,
        *,
        limit: int,
        start_ms: int | None,
        end_ms: int | None,
        kind: Kind = "last",
        zone_ms: int = 0,
    ) -> bytes:
        """Binance's kline answer (JSON). The candle that is still open is the last row, as it stands now."""
        return self._series[symbol].klines(
            interval, now_ms, limit=limit, start_ms=start_ms, end_ms=end_ms, kind=kind, zone_ms=zone_ms
        )

    def candle_now(self, symbol: str, interval: str, now_ms: int) -> Candle | None:
        """The candle that is open at a moment, as it stands then; None while nothing is recorded in it."""
        return self._series[symbol].now(interval, now_ms)

    def is_final(self, symbol: str, interval: str, open_ms: int) -> bool:
        """True when a candle that is over will not change any more: at once."""
        return True

    def day(self, symbol: str, now_ms: int) -> Bar:
        """The last 24 hours as one candle."""
        bar = self._series[symbol].day(now_ms)
        if bar is None:
            price = self.price(symbol, now_ms)
            bar = Bar(price, price, price, price, 0, 0, 0)
        return bar

    def trades(
        self,
        symbol: str,
        now_ms: int,
        *,
        limit: int,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> list[Trade]:
        """Public trades up to a moment, oldest first: from ``from_id`` or ``start_ms`` on, else the newest."""
        last = (now_ms if end_ms is None else min(now_ms, end_ms)) // STEP_MS
        if from_id is not None:
            return self._trades[symbol].since(from_id, last, limit)
        if start_ms is not None:
            return self._trades[symbol].since(-(-start_ms // STEP_MS), last, limit)
        return self._trades[symbol].newest(last, limit)

    def funding_rate(self, symbol: str, at_ms: int) -> int:
        """What longs pay to shorts (10**-8 of the position) at the first funding at a moment or after it."""
        return self._funding[symbol].rate(at_ms)

    def next_funding_ms(self, now_ms: int) -> int:
        """The first funding after a moment: 00:00, 08:00 or 16:00 UTC of the exchange's clock."""
        return next_funding_ms(now_ms)

    def funding_history(
        self, symbol: str, now_ms: int, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Funding]:
        """Fundings up to a moment, oldest first: the first ones from ``start_ms`` on, else the newest."""
        return self._funding[symbol].history(now_ms, limit, start_ms, end_ms)

    def bnb_price(self, now_ms: int) -> int | None:
        """What a BNB is worth in USDT, for fees paid in it; None when nobody knows."""
        return self._bnb.price(now_ms)

    def override(self, symbol: str, price: int | None, *, mark: int | None = None) -> None:
        """Let the price stand still (the mark price apart from it, if given) until None is given.

        Candles and trades go on as recorded.
        """
        self._quotes[symbol].hold(price, mark)

    def set_book(
        self,
        symbol: str,
        *,
        spread_bps: Decimal | None = None,
        level_quote: int | None = None,
        levels: int | None = None,
    ) -> None:
        """Give one symbol a spread and a depth of its own; what is left out goes back to the default."""
        self._quotes[symbol].reshape(spread_bps, level_quote, levels)


def decimals_of(entry: dict[str, Any]) -> Decimals:
    """How many decimals a symbol's candles are written with: spot writes eight, futures those of the symbol."""
    if "pricePrecision" not in entry:
        return Decimals()
    price, volume = entry["pricePrecision"], entry["quantityPrecision"]
    return Decimals(price, volume, price + volume)
