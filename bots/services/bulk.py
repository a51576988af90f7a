"""Writing many bots' states in one statement, each only if nobody else has written it meanwhile."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import connection, transaction

from bots.decision import Decision as Decided
from bots.services.look import SeriesView
from bots.services.notes import EVENT_OF_STATUS, denial_fields
from market.columns import NEVER
from market.types import Series

logger = logging.getLogger(__name__)

# Lists go as %b, in binary: as text each character of each element is looked at in Python.

# A row that somebody holds is left out: its run tells more than this tick knows, and nobody waits for a busy bot.
# With the statuses go, in one statement, the decisions and the news of them: an idle fleet may change its mind at once.
NEWS_SQL = """
    WITH said AS (
        SELECT * FROM unnest(%(status)b::text[], %(reason)b::text[], %(text)b::text[], %(code)b::text[],
                             %(limit)b::text[], %(value)b::text[], %(candle)s::timestamptz[], %(price)s::numeric[],
                             %(kind)b::text[], %(indicators)b::text[]::jsonb[])
               WITH ORDINALITY
               AS said(status, reason, text, code, bound, value, candle, price, kind, indicators, number)
    ), held AS (
        SELECT state.bot_id, given.number, bot.name, bot.position_id, bot.strategy, bot.parameters, bot.revision
          FROM unnest(%(bots)b::bigint[], %(numbers)b::bigint[], %(seen)b::bigint[], %(revisions)b::int[])
               AS given(bot, number, seen, revision)
          JOIN bots_botstate AS state ON state.bot_id = given.bot
          JOIN bots_botconfig AS bot ON bot.id = given.bot AND bot.revision = given.revision
         WHERE coalesce(state.changed_at, '-infinity') = CASE WHEN given.seen = %(never)s THEN '-infinity'
               ELSE '2000-01-01Z'::timestamptz + given.seen * interval '1 microsecond' END
           FOR NO KEY UPDATE OF state SKIP LOCKED
    ), written AS (
        UPDATE bots_botstate AS state
           SET status = said.status, reason = said.reason, message = said.text, changed_at = %(now)s
          FROM held JOIN said USING (number) WHERE state.bot_id = held.bot_id
     RETURNING held.*, said.status, said.reason, said.text, said.code, said.bound, said.value, said.candle, said.price,
               said.kind, said.indicators
    ), noted AS (
        INSERT INTO bots_decision (bot_id, status, reason, text, strategy, parameters, revision, indicators,
                                   denial_code, denial_limit, denial_value, candle_close_at, price, created_at)
        SELECT bot_id, status, reason, text, strategy, parameters, revision, indicators,
               code, bound, value, candle, price, %(now)s
          FROM written
    ), told AS (
        INSERT INTO trades_event (kind, position_id, message, data, created_at)
        SELECT kind, position_id, left(format('bot %%s %%s (%%s): %%s', name, status, reason, text), 400),
               jsonb_build_object('reason', reason), %(now)s
          FROM written WHERE kind <> ''
    )
    SELECT status, reason, min(text), count(*) FROM written GROUP BY status, reason
"""
# What could not be read keeps what was seen last.
READINGS_SQL = """
    INSERT INTO bots_seriesreading AS known
           (environment, market, symbol, interval, evaluated_at, candle_close_at, price, texts)
    SELECT environment, market, symbol, interval, %(now)s, candle, price, texts
      FROM unnest(%(environment)b::text[], %(market)b::text[], %(symbol)b::text[], %(interval)b::text[],
                  %(candle)s::timestamptz[], %(price)s::numeric[], %(texts)b::text[]::jsonb[])
           AS seen(environment, market, symbol, interval, candle, price, texts)
        ON CONFLICT (environment, market, symbol, interval) DO UPDATE
       SET evaluated_at = excluded.evaluated_at,
           candle_close_at = coalesce(excluded.candle_close_at, known.candle_close_at),
           price = coalesce(excluded.price, known.price),
           texts = CASE WHEN excluded.price IS NULL THEN known.texts ELSE excluded.texts END
"""
# Of a round of which nothing is known yet the entry price is the best, until the market offers a better one.
BEST_SQL = """
    UPDATE bots_botstate AS state
       SET best_round = new.round,
           best_price = CASE WHEN new.is_long THEN GREATEST(new.known, new.price) ELSE LEAST(new.known, new.price) END
      FROM (SELECT given.*,
                   coalesce(CASE WHEN held.best_round = given.round THEN held.best_price END, position.entry_price)
                       AS known
              FROM unnest(%b::bigint[], %s::numeric[], %b::int[], %b::bool[]) AS given(id, price, round, is_long)
              JOIN bots_botstate AS held ON held.bot_id = given.id
              JOIN bots_botconfig AS bot ON bot.id = given.id
              JOIN trades_position AS position ON position.id = bot.position_id AND position.round = given.round
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


@dataclass(frozen=True)
class News:
    """What some bots have to say, all of them the same.

    ``seen_at``: when their states had been changed last (microseconds); ``revisions``: of their configurations.
    """

    decision: Decided
    bots: Sequence[int]
    seen_at: Sequence[int]
    revisions: Sequence[int]
    candle_close_at: datetime | None
    price: Decimal | None
    indicators: Mapping[str, float]


def write_readings(seen: Mapping[Series, SeriesView | None], *, now: datetime) -> None:
    """One row for each series, read through by all of its bots. None: it could not be read."""
    views = seen.values()
    columns = {
        **{
            name: [getattr(series, name) for series in seen] for name in ("environment", "market", "symbol", "interval")
        },
        "candle": [view and view.candle_close_at for view in views],
        "price": [view and view.price for view in views],
        "texts": [json.dumps(view.texts if view else {}) for view in views],
    }
    with connection.cursor() as cursor:
        cursor.execute(READINGS_SQL, columns | {"now": now})


def write_news(news: Sequence[News], *, now: datetime) -> None:
    """Write changed statuses with their decisions and events, in the caller's transaction.

    A bot whose state or configuration has changed since it was read is left alone: whoever changed it knew better.
    """
    if not news:
        return
    decided = [item.decision for item in news]
    denials = [denial_fields(decision.denial) for decision in decided]
    said = {
        "status": [str(decision.status) for decision in decided],
        "reason": [str(decision.reason) for decision in decided],
        "text": [decision.text[:400] for decision in decided],
        **{name: [denial.get(f"denial_{name}", "") for denial in denials] for name in ("code", "limit", "value")},
        "candle": [item.candle_close_at for item in news],
        "price": [item.price for item in news],
        "indicators": [json.dumps(item.indicators) for item in news],
        "kind": [str(EVENT_OF_STATUS.get(decision.status, "")) for decision in decided],
    }
    given = {
        "bots": [bot for item in news for bot in item.bots],
        "numbers": [number for number, item in enumerate(news, 1) for _ in item.bots],
        "seen": [seen for item in news for seen in item.seen_at],
        "revisions": [revision for item in news for revision in item.revisions],
    }
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        # Planned for the rows at hand: a plan for any number of them joins what was said by looking through all of it.
        cursor.execute(NEWS_SQL, {**said, **given, "never": NEVER, "now": now}, prepare=False)
        for status, reason, text, count in cursor.fetchall():
            line = f"{count} bots {status}", reason, text
            transaction.on_commit(partial(logger.info, "%s (%s): %s", *line))


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
