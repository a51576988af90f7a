"""What happened to one bot, newest first: what it thought, ordered and told, and what people changed of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import Q

from bots.advice import advice
from bots.models import BotConfig, Decision
from market.rounding import plain
from trades.models import Event, Order

PAGE = 30


class Kind(StrEnum):
    DECISION = "decision"
    ORDER = "order"
    EVENT = "event"
    EDIT = "edit"


class Place(NamedTuple):
    """Where an entry stands among all of its bot: by time; of one moment by kind, and by number."""

    at: datetime
    kind: Kind
    pk: int


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    at: datetime
    kind: Kind
    pk: int
    title: str
    text: str
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place(self.at, self.kind, self.pk)


def timeline(bot: BotConfig, *, before: Place | None = None, kind: Kind | None = None) -> list[Entry]:
    """The newest entries that come before a place, one more than a page when there are more.

    Of each kind no more are read than may be shown.
    """
    read: dict[Kind, Callable[[BotConfig, Place | None], Iterator[Entry]]] = {
        Kind.DECISION: _decisions,
        Kind.ORDER: _orders,
        Kind.EVENT: _events,
        Kind.EDIT: _edits,
    }
    wanted: Iterable[Kind] = [kind] if kind else Kind
    found = merge(*(read[one](bot, before) for one in wanted), key=lambda entry: entry.place, reverse=True)
    return list(islice(found, PAGE + 1))


def _newest(rows: Any, kind: Kind, before: Place | None, moment: str) -> Any:
    """The rows of one kind before a place. That they are no younger is said for itself: an index begins there."""
    if before is not None:
        rows = rows.filter(**{f"{moment}__lte": before.at})
        older = Q(**{f"{moment}__lt": before.at})
        if kind == before.kind:
            rows = rows.filter(older | Q(pk__lt=before.pk))
        elif kind > before.kind:
            rows = rows.filter(older)
    return rows.order_by(f"-{moment}", "-pk")[: PAGE + 1]


def _decisions(bot: BotConfig, before: Place | None) -> Iterator[Entry]:
    for row in _newest(bot.decisions, Kind.DECISION, before, "created_at"):
        reason = f" ({row.reason})" if row.reason else ""
        yield Entry(row.created_at, Kind.DECISION, row.pk, f"{row.status}{reason}", row.text, _of_decision(row))


def _of_decision(row: Decision) -> dict[str, str]:
    told = {"what to do": to_do} if (to_do := advice(row.reason, row.denial_code)) else {}
    told |= {name.replace("_", " "): f"{value:.8g}" for name, value in row.indicators.items()}
    if row.denial_code:
        told |= {"denied by": row.denial_code, "allowed": row.denial_limit, "found": row.denial_value}
    if row.price is not None:
        told["price"] = plain(row.price)
    if row.candle_close_at:
        told["candle closed at"] = f"{row.candle_close_at:%Y-%m-%d %H:%M}"
    if row.order_id:
        told["order"] = str(row.order_id)
    return told | {"strategy": f"{row.strategy}, revision {row.revision}"}


def _orders(bot: BotConfig, before: Place | None) -> Iterator[Entry]:
    for row in _newest(bot.position.orders, Kind.ORDER, before, "created_at"):
        what = f"{row.purpose} {row.side} {plain(row.quantity)} ({row.type}): {row.status}"
        yield Entry(row.created_at, Kind.ORDER, row.pk, what, row.error or row.reason, _of_order(row))


def _of_order(row: Order) -> dict[str, str]:
    moments = {"intended": row.created_at, "sent": row.signed_at, "ended": row.finished_at}
    told = {name: f"{at:%H:%M:%S.%f}"[:-3] for name, at in moments.items() if at}
    told |= {"filled": plain(row.filled_quantity), "client order id": row.client_order_id}
    return told | ({"price": plain(row.price)} if row.price is not None else {})


def _events(bot: BotConfig, before: Place | None) -> Iterator[Entry]:
    # What an order came to, and what a bot thought, is told by themselves.
    rows = Event.objects.filter(position=bot.position_id).exclude(kind__in=("bot_paused", "bot_error"))
    for row in _newest(rows, Kind.EVENT, before, "created_at"):
        yield Entry(row.created_at, Kind.EVENT, row.pk, row.get_kind_display(), row.message)


def _edits(bot: BotConfig, before: Place | None) -> Iterator[Entry]:
    history = BotConfig.history.filter(id=bot.pk).select_related("history_user")
    for row in _newest(history, Kind.EDIT, before, "history_date"):
        who = str(row.history_user or "the system")
        told = "; ".join(f"{what}: {was or '–'} → {now or '–'}" for what, was, now in row.changes)
        yield Entry(row.history_date, Kind.EDIT, row.pk, f"{row.get_history_type_display()} by {who}", told)
