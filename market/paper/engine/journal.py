"""What has changed and is not on disk yet. The engines write into it, the committer carries it away.

A thing that changes twice before the next write is written once, as it is at that moment: memory and disk agree at the
borders of a batch, and only there. So nothing may be answered or streamed before its batch is on disk.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from market.paper.engine.types import Fill, Order

Row = tuple[object, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """Where things of one kind are remembered. ``columns`` are in the order of ``row``; ``schema`` is the SQL that
    creates the table and its indexes. ``thing`` is the way back from a row, for what a start needs."""

    name: str
    columns: tuple[str, ...]
    schema: str
    row: Callable[[Any], Row]
    thing: Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class News:
    """Something the account's user data stream tells: ``kind`` and copies of what it is about."""

    account_id: int
    market: str
    kind: str
    at_ms: int
    order: Order | None = None
    fill: Fill | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows by table, and the news that may leave when they are on disk."""

    rows: list[tuple[Table, list[Row]]]
    news: list[News]


class Journal:
    """Collects until ``take``. ``watched`` are the accounts somebody listens to: for the others no news is made."""

    def __init__(self) -> None:
        self.watched: set[int] = set()
        self._changed: dict[Table, dict[Hashable, Any]] = {}
        self._news: list[News] = []
        # Whether anything was put since somebody last set it to False.
        self.touched = False

    def __bool__(self) -> bool:
        """True when there is something to write or to tell."""
        return bool(self._changed or self._news)

    def put(self, table: Table, key: Hashable, thing: Any) -> None:
        """Remember that ``thing`` is new or has changed. ``key`` is its primary key."""
        self.touched = True
        changed = self._changed.get(table)
        if changed is None:
            self._changed[table] = {key: thing}
        else:
            changed[key] = thing

    def tell(
        self,
        account_id: int,
        market: str,
        kind: str,
        at_ms: int,
        *,
        order: Order | None = None,
        fill: Fill | None = None,
        **details: Any,
    ) -> None:
        """Make news of something, with the order as it is now."""
        if account_id in self.watched:
            self._news.append(News(account_id, market, kind, at_ms, copy.copy(order), fill, details))

    def take(self) -> Batch:
        """Everything since the last call; the journal is empty afterwards."""
        changed, news = self._changed, self._news
        self._changed, self._news = {}, []
        rows = [(table, [table.row(thing) for thing in things.values()]) for table, things in changed.items()]
        return Batch(rows, news)
