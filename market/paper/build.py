"""Put the exchange together as the command line says and as the ledger left it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from market.paper import restore
from market.paper.engine.futures import tables as futures_tables
from market.paper.engine.futures.engine import FuturesEngine
from market.paper.engine.futures.rules import futures_rules_of
from market.paper.engine.journal import Batch, Journal
from market.paper.engine.spot import tables as spot_tables
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import rules_of
from market.paper.engine.tables import SETTINGS
from market.paper.engine.types import Market
from market.paper.exchange import Exchange
from market.paper.history import History
from market.paper.ledger import Ledger, LedgerUnusable
from market.paper.prices.clock import Clock
from market.paper.prices.feed import Feed
from market.paper.prices.poll import FOLLOWED, Poller, follow
from market.paper.prices.quotes import Book
from market.paper.prices.recording import MS_PER_MINUTE, Recording, load_leverage_brackets, load_recording
from market.paper.prices.tape import Anchor
from market.paper.prices.types import PriceFeed
from market.paper.venue import Venue

MARKETS: tuple[Market, ...] = ("spot", "futures")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line decides. ``start_minute``: the recorded minute that the first start replays."""

    host: str
    port: int
    ledger: Path
    data: Path
    start_minute: int
    speed: int
    # The base URL of a live exchange to follow; empty: Binance's own. None: the recording.
    follow: str | None
    spread_bps: Decimal
    level_quote: int
    levels: int
    weight_limit: int | None
    copies: int
    admin_token: str

    @property
    def book(self) -> Book:
        """The ladder of every symbol that has none of its own."""
        return Book(self.spread_bps, self.level_quote, self.levels)


async def build_exchange(options: Options, ledger: Ledger) -> Exchange:
    """Read recordings and ledger, and the followed exchange.

    Raises LedgerUnusable, UnusableRecording, UpstreamFailed, OSError, sqlite3.Error.
    """
    journal, clock = Journal(), clock_of(ledger, options.speed)
    if options.follow is not None and clock.is_ahead:
        raise LedgerUnusable(
            f"the clock of ledger {options.ledger} is ahead of the world's, and live prices are of now: "
            "choose another ledger with --ledger"
        )
    spot, futures = [await _prices(options, ledger, clock, market) for market in MARKETS]
    return Exchange(
        clock=clock,
        ledger=ledger,
        journal=journal,
        spot=_spot(options, ledger, journal, spot),
        futures=_futures(options, ledger, journal, futures),
        pollers=[prices.poller for prices in (spot, futures) if prices.poller],
        admin_token=options.admin_token,
    )


@dataclass(frozen=True, slots=True)
class _Prices:
    """Where a market's rules and prices come from. ``poller`` fetches those of a followed exchange."""

    info: dict[str, Any]
    feed: PriceFeed
    poller: Poller | None = None


async def _prices(options: Options, ledger: Ledger, clock: Clock, market: Market) -> _Prices:
    """The recording, or the symbols of the recording as they are at the followed exchange."""
    recording = load_recording(options.data, market, copies=options.copies if market == "spot" else 0)
    if options.follow is None:
        anchor = anchor_of(ledger, recording, options.start_minute, clock)
        return _Prices(recording.exchange_info, Feed(recording, anchor, book=options.book))
    url = options.follow or FOLLOWED[market]
    poller = await follow(url, market, list(recording.candles), clock.now_ms, book=options.book)
    return _Prices(poller.feed.info, poller.feed, poller)


def _spot(options: Options, ledger: Ledger, journal: Journal, prices: _Prices) -> Venue[SpotEngine]:
    rules = {entry["symbol"]: rules_of(entry) for entry in prices.info["symbols"]}
    engine = SpotEngine(rules, journal, restore.spot_state(ledger))
    history: History[Any] = History(ledger, "spot", spot_tables.ORDERS)
    return Venue("spot", prices.info, prices.feed, engine, history, options.weight_limit)


def _futures(options: Options, ledger: Ledger, journal: Journal, prices: _Prices) -> Venue[FuturesEngine]:
    brackets = {row["symbol"]: row["brackets"] for row in load_leverage_brackets(options.data)}
    entries = {entry["symbol"]: entry for entry in prices.info["symbols"]}
    rules = {symbol: futures_rules_of(entry, brackets[symbol]) for symbol, entry in entries.items()}
    engine = FuturesEngine(rules, journal, restore.futures_state(ledger))
    history: History[Any] = History(ledger, "futures", futures_tables.ORDERS)
    return Venue("futures", prices.info, prices.feed, engine, history, options.weight_limit)


def clock_of(ledger: Ledger, speed: int) -> Clock:
    """A clock that goes on where the last one stood."""
    return Clock.resumed(speed, int(ledger.settings().get("clock", "0")))


def anchor_of(ledger: Ledger, recording: Recording, start_minute: int, clock: Clock) -> Anchor:
    """The anchor of the first start; at the first start, now."""
    key = f"anchor:{recording.market}"
    kept = ledger.settings().get(key)
    if kept is None:
        now = clock.now_ms() // MS_PER_MINUTE
        start = recording.first_minute + (start_minute - recording.first_minute) % recording.length
        kept = f"{now} {start}"
        ledger.commit(Batch([(SETTINGS, [(key, kept)])], []))
    exchange, recorded = kept.split()
    return Anchor(int(exchange), int(recorded))
