"""Many bots at a glance: what each is, and where it stands. One statement for a page of any length.

It says what `BotState`, `Position`, `days.days_of` and `figures.figures` say, as JSON has it: amounts and moments are
texts. Lists are asked for again and again, and to make models and numbers of the rows, only to write them down once
more, takes several times as long as PostgreSQL. A test holds both together.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from bots.limits import day_start, known_zone
from bots.types import Status

Glance = dict[str, Any]


def _moment(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def _amount(column: str) -> str:
    """Without needless zeros, as `plain` writes it."""
    return f"trim_scale({column})::text"


def _while_open(value: str) -> str:
    return f"CASE WHEN {IS_OPEN} THEN {value} END"


IS_OPEN = "abs(p.quantity) >= p.smallest_quantity"
OF_BOT: Mapping[str, str] = {
    "id": "b.id",
    "name": "b.name",
    "owner": "u.username",
    "account": "a.id",
    "account_name": "a.name",
    "environment": "a.environment",
    "market": "b.market",
    "symbol": "b.symbol",
    "base_asset": "p.base_asset",
    "quote_asset": "p.quote_asset",
    "interval": "b.interval",
    "strategy": "b.strategy",
    "leverage": "b.leverage",
    "initial_capital": _amount("b.initial_capital"),
    "desired_state": "b.desired_state",
    "entries_paused": "b.entries_paused",
    "revision": "b.revision",
    "created_at": _moment("b.created_at"),
}
OF_STATE: Mapping[str, str] = {
    "status": "s.status",
    "reason": "s.reason",
    "text": "s.message",
    "changed_at": _moment("s.changed_at"),
    "lockout": "s.lockout",
    "lockout_text": "s.lockout_text",
    "last_error_message": f"CASE WHEN s.status = '{Status.ERROR}' THEN s.message ELSE '' END",
    "in_position": IS_OPEN,
    "side": _while_open("CASE WHEN p.quantity > 0 THEN 'long' ELSE 'short' END"),
    "current_position_size_coins": _amount("p.quantity"),
    "entry_price": _while_open(_amount("p.entry_price")),
    "opened_at": _while_open(_moment("p.opened_at")),
    "price": _amount("seen.price"),
    "unrealized_pnl": _while_open(_amount("round(p.quantity * (seen.price - p.entry_price), 18)")),
    "realized_pnl": _amount("p.realized_pnl"),
    "daily_pnl": _amount("day.earned"),
    "daily_trades_count": "day.opened",
    "last_run_at": _moment("seen.evaluated_at"),
}
GLANCES_SQL = f"""
    SELECT {", ".join([*OF_BOT.values(), *OF_STATE.values()])}
      FROM unnest(%(bots)b::bigint[], %(starts)s::timestamptz[]) WITH ORDINALITY AS page(bot, start, number)
      JOIN bots_botconfig b ON b.id = page.bot
      JOIN bots_botstate s ON s.bot_id = b.id
      JOIN trades_position p ON p.id = b.position_id
      JOIN market_exchangeaccount a ON a.id = b.account_id
      JOIN auth_user u ON u.id = b.owner_id
      LEFT JOIN bots_seriesreading seen
        ON (seen.environment, seen.market, seen.symbol, seen.interval) = (a.environment, b.market, b.symbol, b.interval)
     CROSS JOIN LATERAL (
            SELECT coalesce(sum(booked.opened), 0)::integer AS opened, coalesce(sum(booked.earned), 0) AS earned
              FROM (SELECT (purpose = 'entry')::integer AS opened, realized_pnl AS earned
                      FROM trades_trade
                     WHERE position_id = p.id AND created_at >= greatest(page.start, s.day_from)
                     UNION ALL
                    SELECT 0, amount
                      FROM trades_funding
                     WHERE position_id = p.id AND paid_at >= greatest(page.start, s.day_from)) AS booked
           ) AS day
     ORDER BY page.number
"""  # noqa: S608 - made of constants
OWN = len(OF_BOT)


def glances(bots: Iterable[tuple[int, str]], *, now: datetime) -> list[Glance]:
    """The bots of these ids, with the time zones that their days are of, in this order; those that are gone are not."""
    wanted = list(bots)
    if not wanted:
        return []
    starts = {zone: day_start(now, known_zone(zone)) for zone in {zone for _, zone in wanted}}
    given: dict[str, Any] = {"bots": [bot for bot, _ in wanted], "starts": [starts[zone] for _, zone in wanted]}
    with connection.cursor() as cursor:
        cursor.execute(GLANCES_SQL, given)
        return [_named(row) for row in cursor.fetchall()]


def _named(row: Sequence[Any]) -> Glance:
    return dict(zip(OF_BOT, row, strict=False)) | {"state": dict(zip(OF_STATE, row[OWN:], strict=True))}
