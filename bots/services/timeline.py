"""What happened to one bot, newest first: what it thought, ordered and told, and what people changed of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import Any

from django.db.models import F

from bots.models import BotConfig, Decision
from market.rounding import plain
from trades.models import Event, Order

PAGE = 30


class Kind(StrEnum):
    DECISION = "decision"
    ORDER = "order"
    EVENT = "event"
    EDIT = "edit"


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    at: datetime
    kind: Kind
    title: str
    text: str
    details: Mapping[str, str] = field(default_factory=dict)
    pk: int = 0


def timeline(bot: BotConfig, *, before: datetime | None = None, kind: Kind | None = None) -> list[Entry]:
    """The newest entries that are older than a moment, one more than a page when there are more.

    Of each kind no more are read than may be shown. Entries of one microsecond that a page ends with are one short.
    """
    read: dict[Kind, Callable[[BotConfig, datetime | None], Iterator[Entry]]] = {
        Kind.DECISION: _decisions,
        Kind.ORDER: _orders,
        Kind.EVENT: _events,
        Kind.EDIT: _edits,
    }
    wanted: Iterable[Kind] = [kind] if kind else Kind
    found = merge(*(read[one](bot, before) for one in wanted), key=lambda entry: entry.at, reverse=True)
    return list(islice(found, PAGE + 1))


def _newest(rows: Any, before: datetime | None, moment: str) -> Any:
    older = rows if before is None else rows.filter(**{f"{moment}__lt": before})
    return older.order_by(f"-{moment}", "-pk")[: PAGE + 1]


def _decisions(bot: BotConfig, before: datetime | None) -> Iterator[Entry]:
    for row in _newest(bot.decisions, before, "created_at"):
        reason = f" ({row.reason})" if row.reason else ""
        yield Entry(row.created_at, Kind.DECISION, f"{row.status}{reason}", row.text, _of_decision(row), row.pk)


def _of_decision(row: Decision) -> dict[str, str]:
    told = {name.replace("_", " "): f"{value:.8g}" for name, value in row.indicators.items()}
    if row.denial_code:
        told |= {"denied by": row.denial_code, "allowed": row.denial_limit, "found": row.denial_value}
    if row.price is not None:
        told["price"] = plain(row.price)
    if row.candle_close_at:
        told["candle closed at"] = f"{row.candle_close_at:%Y-%m-%d %H:%M}"
    if row.order_id:
        told["order"] = str(row.order_id)
    return told | {"strategy": f"{row.strategy}, revision {row.revision}"}


def _orders(bot: BotConfig, before: datetime | None) -> Iterator[Entry]:
    for row in _newest(bot.position.orders, before, "created_at"):
        what = f"{row.purpose} {row.side} {plain(row.quantity)} ({row.type}): {row.status}"
        yield Entry(row.created_at, Kind.ORDER, what, row.error or row.reason, _of_order(row), row.pk)


def _of_order(row: Order) -> dict[str, str]:
    moments = {"intended": row.created_at, "sent": row.signed_at, "ended": row.finished_at}
    told = {name: f"{at:%H:%M:%S.%f}"[:-3] for name, at in moments.items() if at}
    told |= {"filled": plain(row.filled_quantity), "client order id": row.client_order_id}
    return told | ({"price": plain(row.price)} if row.price is not None else {})


def _events(bot: BotConfig, before: datetime | None) -> Iterator[Entry]:
    # What an order came to, and what a bot thought, is told by themselves.
    rows = Event.objects.filter(position=bot.position_id).exclude(kind__in=("bot_paused", "bot_error"))
    for row in _newest(rows, before, "created_at"):
        yield Entry(row.created_at, Kind.EVENT, row.get_kind_display(), row.message, pk=row.pk)


def _edits(bot: BotConfig, before: datetime | None) -> Iterator[Entry]:
    history = BotConfig.history.filter(id=bot.pk).select_related("history_user")
    for row in _newest(history.annotate(at=F("history_date")), before, "history_date"):
        who = str(row.history_user or "the system")
        told = "; ".join(f"{what}: {was or '–'} → {now or '–'}" for what, was, now in row.changes)
        yield Entry(row.history_date, Kind.EDIT, f"{row.get_history_type_display()} by {who}", told, pk=row.history_id)
