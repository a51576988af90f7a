"""Writing many bots' states in one statement, each only if nobody else has written it meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from bots.decide import Decision as Decided
from bots.models import BotConfig, Decision
from bots.services.look import SeriesView
from bots.services.notes import denial_fields, status_event
from trades.services.events import write_events

# A row that somebody holds is left out: its run tells more than this tick knows, and nobody waits for a busy bot.
STATUS_SQL = """
    UPDATE bots_botstate AS state
       SET status = new.status, reason = new.reason, message = new.message, changed_at = %s
      FROM (SELECT given.*
              FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
                   AS given(id, status, reason, message, seen_at)
              JOIN bots_botstate AS held ON held.bot_id = given.id
             WHERE held.changed_at IS NOT DISTINCT FROM given.seen_at
               FOR NO KEY UPDATE OF held SKIP LOCKED) AS new
     WHERE state.bot_id = new.id
    RETURNING state.bot_id
"""
BEST_SQL = """
    UPDATE bots_botstate AS state
       SET best_round = new.round,
           best_price = CASE WHEN state.best_round < new.round OR state.best_price IS NULL THEN new.price
                             WHEN new.is_long THEN GREATEST(state.best_price, new.price)
                             ELSE LEAST(state.best_price, new.price) END
      FROM (SELECT given.*
              FROM unnest(%s::bigint[], %s::numeric[], %s::int[], %s::bool[]) AS given(id, price, round, is_long)
              JOIN bots_botstate AS held ON held.bot_id = given.id
             WHERE held.best_round <= given.round
               FOR NO KEY UPDATE OF held SKIP LOCKED) AS new
     WHERE state.bot_id = new.id
"""


@dataclass(frozen=True)
class Best:
    """The best price that a tick knows for a bot, in one round of its position."""

    bot_id: int
    price: Decimal
    round: int
    is_long: bool


def write_news(news: Mapping[BotConfig, Decided], *, view: SeriesView | None, now: datetime) -> None:
    """Write changed statuses with their decisions and events, in the caller's transaction.

    A bot whose state has changed since it was read is left alone: whoever changed it knew better.
    """
    if not news:
        return
    bots = list(news)
    decided = [news[bot] for bot in bots]
    with connection.cursor() as cursor:
        cursor.execute(
            STATUS_SQL,
            [
                now,
                [bot.pk for bot in bots],
                [str(item.status) for item in decided],
                [str(item.reason) for item in decided],
                [item.text[:400] for item in decided],
                [bot.state.changed_at for bot in bots],
            ],
        )
        written = {row[0] for row in cursor.fetchall()}
    changed = [bot for bot in bots if bot.pk in written]
    Decision.objects.bulk_create(
        Decision(
            bot=bot,
            status=news[bot].status,
            reason=news[bot].reason,
            text=news[bot].text[:400],
            candle_close_at=view.candle_close_at if view else None,
            price=view.price if view else None,
            created_at=now,
            **denial_fields(news[bot].denial),
        )
        for bot in changed
    )
    write_events(
        [
            event
            for bot in changed
            if (event := status_event(bot, news[bot].status, news[bot].reason, news[bot].text, now=now))
        ]
    )


def write_best_prices(best: list[Best]) -> None:
    """Ratchet the best prices: within a round they only move in the position's favour."""
    if not best:
        return
    columns: list[Any] = [
        [item.bot_id for item in best],
        [item.price for item in best],
        [item.round for item in best],
        [item.is_long for item in best],
    ]
    with connection.cursor() as cursor:
        cursor.execute(BEST_SQL, columns)
