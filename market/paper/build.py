"""Put the exchange together as the command line says and as the ledger left it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from market.paper import restore
from market.paper.engine.journal import Batch, Journal, Table
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
from market.paper.prices.recording import MS_PER_MINUTE, Recording, load_recording
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
    recording = load_recording(options.data)
    info = recording.exchange_info
    feed = Feed(recording, anchor_of(ledger, recording, options.start_minute, clock), book=options.book)
    rules = {entry["symbol"]: rules_of(entry) for entry in info["symbols"]}
    engine = SpotEngine(rules, journal, restore.spot_state(ledger))
    spot = _venue(ledger, info, feed, engine, spot_tables.ORDERS, options.weight_limit)
    return Exchange(clock=clock, ledger=ledger, journal=journal, spot=spot, admin_token=options.admin_token)


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
    ledger: Ledger, info: dict[str, Any], feed: Feed, engine: E, orders: Table, weight_limit: int | None
) -> Venue[E]:
    own = next(row["limit"] for row in info["rateLimits"] if row["rateLimitType"] == "REQUEST_WEIGHT")
    history: History[Any] = History(ledger, "spot", orders)
    return Venue("spot", info, feed, engine, history, own if weight_limit is None else weight_limit)
