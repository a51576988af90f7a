"""What has changed since a mark, read in one snapshot.

Transactions do not become visible in the order in which they took their numbers: an event may appear after a later one
was told. So a look does not go on from the greatest number. It reads everything that was written by transactions from
the horizon of the look before on, that is from the oldest that was running then, and leaves out the versions that it
has told already, of which it keeps as many as there are. Whatever was not visible then is among them: its transaction
was running, or had not begun (nor had its savepoints, whose numbers are greater than their transaction's).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import close_old_connections, connection, transaction

from tradebot_site.event_stream import statements
from tradebot_site.event_stream.changes import Change, Key, Tell, change_of
from tradebot_site.event_stream.marks import Mark
from trades.lifecycle import LIVE

PAGE = 2_000  # rows at once; pages are read until there are none
LOOK_SECONDS, REPLAY_SECONDS = 30, 3
MOST_REPLAYED = 10_000
# A number is taken a moment before its transaction is counted as running; an order moves for a while after it was made.
SETTLED_AFTER_MS, ORDERS_SETTLED_AFTER_MS = 5_000, 120_000
# An order's end is stamped with the time at which its task began, which runs for three minutes at most.
ENDS_LATE = timedelta(minutes=5)
LIVE_STATUSES = ", ".join(f"'{status.value}'" for status in LIVE)
LATEST = datetime.max.replace(tzinfo=UTC)
Owners = Sequence[int] | None  # None: everybody's


class TooMuch(Exception):
    """More has changed than is worth telling one by one."""


@dataclass(frozen=True)
class Position:
    """Where the database stands in one snapshot."""

    at_ms: int
    horizon: int  # the oldest transaction that runs
    next: int  # the one that will begin
    open_age: int  # of the horizon
    since_age: int  # of the horizon of the mark that was asked about
    newest: tuple[int, int, int]  # event, fill, order


class Reader:
    """The one who looks for all viewers."""

    def __init__(self) -> None:
        self.mark: Mark | None = None
        self._told: set[Key] = set()
        self._passed: set[Key] = set()  # by looks that failed since: told, but what they lead to may not be
        self._positions: list[Position] = []

    def look(self, owners: Owners, tell: Tell) -> Mark:
        """Tell what has changed since the last look, in pages. If it raises, the next one tells the rest."""
        with _snapshot(LOOK_SECONDS) as cursor:
            now = _position(cursor, self.mark)
            positions = [*self._positions, now]
            told: set[Key] = set()
            if self.mark is None:
                mark = _first_mark(cursor, now)
                now, tell = _position(cursor, mark), _ignore
            else:
                mark = self._next_mark(self.mark, positions)
            if owners is None or owners:
                told = Reading(self.mark or mark, now, owners, self._told, tell, self._passed).read()
            # Ticked off, an event is a row written anew, and no news.
            told |= {key for key in self._told if key.kind == "event" and key.number > mark.event}
            # Here: whether a transaction that has written nothing can be ended is nobody's concern.
            self.mark, self._told, self._passed = mark, told, set()
            self._positions = [known for known in positions if now.at_ms - known.at_ms <= 2 * ORDERS_SETTLED_AFTER_MS]
        return mark

    def _next_mark(self, last: Mark, positions: list[Position]) -> Mark:
        """The greatest numbers, seen a while ago, below which no row can appear any more: all have ended since."""
        now = positions[-1]
        ended = [known for known in positions if known.next <= now.horizon]
        settled = [known.newest for known in ended if now.at_ms - known.at_ms >= SETTLED_AFTER_MS]
        quiet = [known.newest for known in ended if now.at_ms - known.at_ms >= ORDERS_SETTLED_AFTER_MS]
        event, fill, _ = settled[-1] if settled else (last.event, last.fill, last.order)
        order = quiet[-1][2] if quiet else last.order
        return Mark(now.at_ms, now.horizon, max(event, last.event), max(fill, last.fill), max(order, last.order))


def replay(since: Mark, owners: Owners) -> list[Change]:
    """What one viewer has missed. Raises TooMuch, and Django's OperationalError when it takes too long."""
    found: list[Change] = []

    def take(page: list[Change]) -> None:
        found.extend(page)
        if len(found) > MOST_REPLAYED:
            raise TooMuch

    with _snapshot(REPLAY_SECONDS) as cursor:
        Reading(since, _position(cursor, since), owners, set(), take).read()
    return found


@dataclass
class Reading:
    """One way through the tables. Fills and news first: they lead to the other rows."""

    since: Mark
    now: Position
    owners: Owners
    known: set[Key]
    tell: Tell
    passed: set[Key] = field(default_factory=set)  # is added to as pages are told
    _open: set[Key] = field(default_factory=set)
    _orders: set[int] = field(default_factory=set)
    _filled: set[int] = field(default_factory=set)
    _positions: set[int] = field(default_factory=set)
    _first_fill: datetime = LATEST

    def read(self) -> set[Key]:
        """Tell what is new; return the versions that a later look may come upon again."""
        for row in self._rows("fill", statements.FILLS, "fill", "account.owner_id"):
            self._filled.add(row[5])
            self._positions.add(row[6])
            self._first_fill = min(self._first_fill, row[7])
        self._orders |= self._filled
        for row in self._rows("event", statements.EVENTS, "event", "coalesce(account.owner_id, event.user_id)"):
            if row[5] is not None:
                self._orders.add(row[5])
        for kind, sql, table, owner in (
            ("order", statements.ORDERS, "placed", "account.owner_id"),
            ("trade", statements.TRADES, "trade", "account.owner_id"),
            ("bot", statements.BOTS, "bot", "bot.owner_id"),
        ):
            if kind != "trade" or self._filled:
                for _ in self._rows(kind, sql, table, owner):
                    pass
        return self._open

    def _rows(self, kind: str, sql: str, table: str, owner: str) -> Iterator[Sequence[Any]]:
        """Each row that has not been told yet, after its page was told."""
        with connection.chunked_cursor() as cursor:
            cursor.execute(self._filled_in(sql, table, owner), self._parameters())
            while rows := cursor.fetchmany(PAGE):
                fresh = [row for row in rows if self._is_new(kind, row)]
                if fresh:
                    page = [change for row in fresh if (change := change_of(kind, row)).key not in self.passed]
                    self.tell(page)
                    self.passed |= {change.key for change in page}
                yield from fresh

    def _is_new(self, kind: str, row: Sequence[Any]) -> bool:
        key = Key(kind, row[2], row[3])
        if row[4] or kind == "event":
            self._open.add(key)
        return key not in self.known

    def _filled_in(self, sql: str, table: str, owner: str) -> str:
        owned, bots_owned = "", ""
        if self.owners is not None:
            whose = " = ANY(%(owners)s::bigint[])"
            owned = f"AND {owner}{whose}"
            bots_owned = f"AND state.bot_id IN (SELECT id FROM bots_botconfig WHERE owner_id{whose})"  # noqa: S608
        written = "age({}.xmin) BETWEEN 0 AND %(since)s"
        return sql.format(
            new=written.format(table),
            new_state=written.format("state"),
            owned=owned,
            bots_owned=bots_owned,
            live=LIVE_STATUSES,
        )

    def _parameters(self) -> dict[str, Any]:
        marked_at = datetime.fromtimestamp(self.since.taken_at_ms / 1000, UTC)
        return {
            "since": self.now.since_age,
            "open": self.now.open_age,
            "owners": self.owners and list(self.owners),
            "event": self.since.event,
            "fill": self.since.fill,
            "order": self.since.order,
            "ended_after": marked_at - ENDS_LATE,
            "orders": list(self._orders),
            "filled": list(self._filled),
            "positions": list(self._positions),
            "first_fill": self._first_fill,
        }


@contextmanager
def _snapshot(seconds: int) -> Iterator[Any]:
    """A cursor for several statements that all see the same, each for so long at most."""
    close_old_connections()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{seconds}s'")
        yield cursor


def _ignore(page: list[Change]) -> None:
    """What was there before the first look is no news."""


def _position(cursor: Any, since: Mark | None) -> Position:
    cursor.execute(statements.POSITION, {"horizon": str(since.horizon if since else 3)})
    at_ms, horizon, following, open_age, since_age, *newest = cursor.fetchone()
    return Position(at_ms, horizon, following, open_age, since_age, tuple(newest))


def _first_mark(cursor: Any, now: Position) -> Mark:
    cursor.execute(statements.FIRST)
    floors = [
        newest if oldest is None else oldest - 1 for oldest, newest in zip(cursor.fetchone(), now.newest, strict=True)
    ]
    return Mark(now.at_ms, now.horizon, *floors)
