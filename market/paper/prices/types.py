"""Nouns of the prices: the interface of a feed, a candle, a trade, a funding, the lack of a price."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

from market.paper.engine.types import Quote

Kind = Literal["last", "mark", "index"]


class NoPrice(Exception):
    """There is no price to trade at now (a followed exchange is silent). Nothing is made up in its place."""


class NoZone(Exception):
    """Candles by the clocks of another time zone are not to be had here."""


class Bar(NamedTuple):
    """One candle's amounts, as ints counting 10**-8; ``trades`` is a number."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    trades: int

    def then(self, later: Bar) -> Bar:
        """This candle and the one after it as one."""
        return Bar(
            self.open,
            max(self.high, later.high),
            min(self.low, later.low),
            later.close,
            self.volume + later.volume,
            self.quote_volume + later.quote_volume,
            self.trades + later.trades,
        )


class Candle(NamedTuple):
    """A candle and when it is: ``close_ms`` is its last millisecond. The taker amounts are those that takers bought."""

    open_ms: int
    close_ms: int
    bar: Bar
    taker_volume: int
    taker_quote_volume: int


class Trade(NamedTuple):
    """One public trade. ``is_buyer_maker``: the seller was the taker."""

    trade_id: int
    price: int
    qty: int
    quote_qty: int
    time_ms: int
    is_buyer_maker: bool


class Funding(NamedTuple):
    """What longs paid to shorts at one moment: ``rate`` (10**-8) of the position at the mark price then."""

    symbol: str
    rate: int
    at_ms: int
    mark: int


class PriceFeed(Protocol):
    """Everything that is asked about prices of one market. All moments are of the exchange's clock."""

    @property
    def symbols(self) -> list[str]:
        """The symbols that have prices."""

    @property
    def intervals(self) -> list[str]:
        """The kline intervals that are served, shortest first."""

    def step(self, now_ms: int) -> int:
        """The number of the step of the market at a moment: it changes when prices may."""

    def price(self, symbol: str, now_ms: int) -> int:
        """The last price. Raises NoPrice."""

    def quote(self, symbol: str, now_ms: int) -> Quote:
        """The market at a moment; the same object until the next step. Raises NoPrice."""

    def quotes_between(self, symbol: str, after_ms: int, until_ms: int) -> list[tuple[int, Quote]]:
        """Moment and quote of every step in ``(after_ms, until_ms]``, oldest first."""

    def average_price(self, symbol: str, now_ms: int) -> int:
        """The volume-weighted price of the last five closed minutes; a price of this minute when nothing traded."""

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
        """Binance's kline answer (JSON). The candle that is still open is the last row, as it stands now.

        ``zone_ms`` (whole minutes): by how much the clocks by which days begin are ahead of UTC. Raises NoZone.
        """

    def candle_now(self, symbol: str, interval: str, now_ms: int) -> Candle | None:
        """The candle that is open at a moment, as it stands then; None while nothing is recorded in it."""

    def is_final(self, symbol: str, interval: str, open_ms: int) -> bool:
        """True when a candle that is over will not change any more, or is known to be missing."""

    def day(self, symbol: str, now_ms: int) -> Bar:
        """The last 24 hours as one candle."""

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

    def funding_rate(self, symbol: str, at_ms: int) -> int:
        """What longs pay to shorts (10**-8 of the position) at the first funding at a moment or after it."""

    def next_funding_ms(self, now_ms: int) -> int:
        """The first funding after a moment: 00:00, 08:00 or 16:00 UTC of the exchange's clock."""

    def funding_history(
        self, symbol: str, now_ms: int, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Funding]:
        """Fundings up to a moment, oldest first: the first ones from ``start_ms`` on, else the newest."""

    def bnb_price(self, now_ms: int) -> int | None:
        """What a BNB is worth in USDT, for fees paid in it; None when nobody knows."""

    def override(self, symbol: str, price: int | None, *, mark: int | None = None) -> None:
        """Let the price stand still (the mark price apart from it, if given) until None is given."""

    def set_book(
        self,
        symbol: str,
        *,
        spread_bps: Decimal | None = None,
        level_quote: int | None = None,
        levels: int | None = None,
    ) -> None:
        """Give one symbol a spread and a depth of its own; what is left out goes back to the default."""
