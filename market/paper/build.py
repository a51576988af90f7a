"""Put the exchange together as the command line says and as the ledger left it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from market.paper import restore
from market.paper.engine.futures import tables as futures_tables
from market.paper.engine.futures.engine import FuturesEngine
from market.paper.engine.futures.rules import futures_rules_of
from market.paper.engine.journal import Batch, Journal
from market.paper.engine.spot import tables as spot_tables
from market.paper.engine.spot.engine import SpotEngine
from market.paper.engine.spot.rules import rules_of
from market.paper.engine.tables import SETTINGS
from market.paper.exchange import Exchange
from market.paper.history import History
from market.paper.ledger import Ledger
from market.paper.prices.clock import Clock
from market.paper.prices.feed import Feed
from market.paper.prices.quotes import Book
from market.paper.prices.recording import MS_PER_MINUTE, Recording, load_leverage_brackets, load_recording
from market.paper.prices.tape import Anchor
from market.paper.venue import Venue

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line decides. ``start_minute``: the recorded minute that the first start replays."""

    host: str
    port: int
    ledger: Path
    data: Path
    start_minute: int
    speed: int
    spread_bps: Decimal
    level_quote: int
    levels: int
    weight_limit: int | None
    admin_token: str

    @property
    def book(self) -> Book:
        """The ladder of every symbol that has none of its own."""
        return Book(self.spread_bps, self.level_quote, self.levels)


def build_exchange(options: Options, ledger: Ledger) -> Exchange:
    """Read recordings and ledger. Raises UnusableRecording, OSError, sqlite3.Error."""
    journal = Journal()
    clock = clock_of(ledger, options.speed)
    return Exchange(
        clock=clock,
        ledger=ledger,
        journal=journal,
        spot=_spot(options, ledger, journal, clock),
        futures=_futures(options, ledger, journal, clock),
        admin_token=options.admin_token,
    )


def _spot(options: Options, ledger: Ledger, journal: Journal, clock: Clock) -> Venue[SpotEngine]:
    recording = load_recording(options.data, "spot")
    rules = {entry["symbol"]: rules_of(entry) for entry in recording.exchange_info["symbols"]}
    engine = SpotEngine(rules, journal, restore.spot_state(ledger))
    return _venue(options, ledger, clock, recording, engine, History(ledger, "spot", spot_tables.ORDERS))


def _futures(options: Options, ledger: Ledger, journal: Journal, clock: Clock) -> Venue[FuturesEngine]:
    recording = load_recording(options.data, "futures")
    brackets = {row["symbol"]: row["brackets"] for row in load_leverage_brackets(options.data)}
    entries = {entry["symbol"]: entry for entry in recording.exchange_info["symbols"]}
    rules = {symbol: futures_rules_of(entry, brackets[symbol]) for symbol, entry in entries.items()}
    engine = FuturesEngine(rules, journal, restore.futures_state(ledger))
    return _venue(options, ledger, clock, recording, engine, History(ledger, "futures", futures_tables.ORDERS))


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


def _venue(
    options: Options, ledger: Ledger, clock: Clock, recording: Recording, engine: E, history: History[Any]
) -> Venue[E]:
    info, limit = recording.exchange_info, options.weight_limit
    if limit is None:
        limit = next(row["limit"] for row in info["rateLimits"] if row["rateLimitType"] == "REQUEST_WEIGHT")
    anchor = anchor_of(ledger, recording, options.start_minute, clock)
    feed = Feed(recording, anchor, book=options.book)
    return Venue(recording.market, info, feed, engine, history, limit)
