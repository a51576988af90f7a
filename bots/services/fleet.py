"""Reading many bots at once, as the columns that `bots.screening` sifts: a handful of statements for a whole task."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bots.models import BotConfig
from bots.parts import Part
from bots.screening import DAY, REASONS, RESTING, STATUSES, WISHES, Rows
from bots.services.days import days_since
from market.columns import FLAG, FLOAT, MOMENT, SMALL, WHOLE, Kind, microseconds, read_columns
from trades.lifecycle import LIVE

# No day of any time zone that is not over began before.
LONGEST_DAY = timedelta(hours=26)


def _place(names: Sequence[Any], column: str) -> str:
    """Where a text stands in a list, from 0; the empty one is the first of each."""
    listed = ", ".join(f"'{name}'" for name in names)
    return f"array_position(ARRAY[{listed}]::text[], {column}::text) - 1"


COLUMNS: Mapping[str, tuple[Kind, str]] = {
    "part": (SMALL, "part.number - 1"),
    "bot": (WHOLE, "b.id"),
    "account_id": (WHOLE, "b.account_id"),
    "position_id": (WHOLE, "b.position_id"),
    "recipe": (WHOLE, "b.recipe"),
    "changed_at": (MOMENT, "s.changed_at"),
    "opened_at": (MOMENT, "p.opened_at"),
    "closed_at": (MOMENT, "p.closed_at"),
    "wish": (SMALL, _place(WISHES, "b.desired_state")),
    "status": (SMALL, _place(STATUSES, "s.status")),
    "reason": (SMALL, _place(REASONS, "s.reason")),
    "lockout": (SMALL, _place(REASONS, "s.lockout")),
    "round": (SMALL, "p.round"),
    "cooldown_minutes": (SMALL, "b.cooldown_minutes"),
    "revision": (SMALL, "b.revision"),
    "max_daily_trades": (SMALL, "coalesce(b.max_daily_trades, -1)"),
    "quantity": (FLOAT, "p.quantity"),
    "entry_price": (FLOAT, "p.entry_price"),
    "best_price": (FLOAT, "coalesce(CASE WHEN s.best_round = p.round THEN s.best_price END, p.entry_price)"),
    "capital": (FLOAT, "b.initial_capital"),
    "max_daily_loss": (FLOAT, "b.max_daily_loss_perc"),
    "daily_target": (FLOAT, "b.daily_target_perc"),
    "stop_loss": (FLOAT, "b.stop_loss_percent"),
    "take_profit": (FLOAT, "b.take_profit_percent"),
    "trailing": (FLOAT, "b.trailing_stop_percent"),
    "break_even": (FLOAT, "b.break_even_percent"),
    "liquidation_price": (FLOAT, "CASE WHEN t.liquidation_round = p.round THEN t.liquidation_price END"),
    "best_known": (FLAG, "s.best_round = p.round AND s.best_price IS NOT NULL"),
    "exits_when_stopped": (FLAG, "b.exits_when_stopped"),
    "entries_paused": (FLAG, "b.entries_paused"),
    "has_steps": (FLAG, "b.take_profit_steps <> '[]'"),
    # `TermsInForce.are` and `ExchangeAccount.key_mark`.
    "terms_agreed": (
        FLAG,
        "b.market = 'futures' AND t.asked_at IS NOT NULL AND t.problem = '' AND t.leverage = b.leverage"
        " AND t.is_isolated = (b.margin_type = 'isolated')"
        " AND t.key_mark = left(encode(sha256(convert_to(a.api_key, 'UTF8')), 'hex'), 16)",
    ),
    "liquidation_asked": (FLAG, "b.market <> 'futures' OR t.liquidation_round = p.round"),
}  # fmt: skip
# `BotQuerySet.active` once more.
ACTIVE = "(b.desired_state = 'running' OR abs(p.quantity) >= p.smallest_quantity OR s.status <> 'stopped')"
SOURCE = f"""
    FROM unnest(%(environments)s::text[], %(markets)s::text[], %(symbols)s::text[], %(intervals)s::text[],
                %(first_ids)s::bigint[], %(last_ids)s::bigint[])
         WITH ORDINALITY AS part(environment, market, symbol, interval, first_id, last_id, number)
    JOIN bots_botconfig b ON b.symbol = part.symbol AND b.interval = part.interval AND b.market = part.market
                         AND b.id BETWEEN part.first_id AND part.last_id
    -- OFFSET 0: each bot's account, rather than the bots of each account.
    JOIN LATERAL (SELECT environment, api_key FROM market_exchangeaccount WHERE id = b.account_id OFFSET 0) a
      ON a.environment = part.environment
    JOIN bots_botstate s ON s.bot_id = b.id
    JOIN trades_position p ON p.id = b.position_id
    LEFT JOIN trades_termsinforce t ON t.position_id = p.id
   WHERE {ACTIVE}
   ORDER BY b.id
"""  # noqa: S608 - made of constants
LIVE_SQL = "o.status IN ({})".format(", ".join(f"'{status}'" for status in LIVE))
IS_STOP, IS_TARGET = "o.type = 'stop'", "o.type = 'target'"
REST = "o.quantity - o.filled_quantity"
RESTING_COLUMNS: Mapping[str, tuple[Kind, str]] = {
    "position_id": (WHOLE, "p.id"),
    "live": (SMALL, f"count(*) FILTER (WHERE {LIVE_SQL})"),
    "orders": (SMALL, "count(*)"),
    "odd": (
        FLAG,
        "bool_or(o.purpose <> 'protection' OR o.status <> 'open' OR o.filled_quantity > 0 OR o.leg > 0"
        " OR o.cancel_requested_at IS NOT NULL OR o.side <> CASE WHEN p.quantity > 0 THEN 'SELL' ELSE 'BUY' END)",
    ),
    "within": (FLAG, f"max({REST}) <= abs(p.quantity)"),
    "stops": (SMALL, f"count(*) FILTER (WHERE {IS_STOP})"),
    "stop_price": (FLOAT, f"max(o.price) FILTER (WHERE {IS_STOP})"),
    "stop_quantity": (FLOAT, f"max({REST}) FILTER (WHERE {IS_STOP})"),
    "targets": (SMALL, f"count(*) FILTER (WHERE {IS_TARGET})"),
    "target_price": (FLOAT, f"max(o.price) FILTER (WHERE {IS_TARGET})"),
    "target_quantity": (FLOAT, f"max({REST}) FILTER (WHERE {IS_TARGET})"),
}
# The orders that a standing is read from: what lives, and targets that were reached in this round (`look._orders_of`).
RESTING_SOURCE = f"""
    FROM trades_order o
    -- OFFSET 0: look up the few that have orders, rather than read all positions for them.
   CROSS JOIN LATERAL (SELECT id, quantity, round FROM trades_position WHERE id = o.position_id OFFSET 0) p
   WHERE o.position_id = ANY(%(positions)b)
     AND ({LIVE_SQL} OR (o.purpose = 'protection' AND {IS_TARGET} AND o.filled_quantity > 0))
     AND ({LIVE_SQL} OR o.round = p.round)
   GROUP BY p.id, p.quantity
"""  # noqa: S608 - made of constants


def read_bots(parts: Sequence[Part]) -> Rows:
    """The active bots of some parts, by id: rows of `screening.BOT`."""
    series = [part.series for part in parts]
    return read_columns(
        COLUMNS,
        SOURCE,
        {
            "environments": [item.environment for item in series],
            "markets": [item.market for item in series],
            "symbols": [item.symbol for item in series],
            "intervals": [item.interval for item in series],
            "first_ids": [part.first_id for part in parts],
            "last_ids": [part.last_id for part in parts],
        },
    )


def read_resting(bots: Rows) -> Rows:
    """What rests for each of the bots: a row of `screening.RESTING` for each."""
    positions = bots["position_id"]
    found = read_columns(RESTING_COLUMNS, RESTING_SOURCE, {"positions": positions.tolist()})
    resting = np.zeros(len(bots), RESTING)
    at = _places(positions, found["position_id"])
    for name in RESTING.names or ():
        resting[name][at] = found[name]
    return resting


def read_days(bots: Rows, *, now: datetime) -> Rows:
    """What the days of the bots have come to: a row of `screening.DAY` for each.

    Zeros where no limit asks, and where nothing was bought or sold for so long that the day must be empty: a bot that
    is about to enter is flat, and was so when its last order was filled.
    """
    days = np.zeros(len(bots), DAY)
    asks = (bots["max_daily_trades"] >= 0) | ~np.isnan(bots["max_daily_loss"]) | ~np.isnan(bots["daily_target"])
    recent = np.maximum(bots["opened_at"], bots["closed_at"]) >= microseconds(now - LONGEST_DAY)
    asked = np.flatnonzero(asks & recent)
    if not asked.size:
        return days
    chosen = BotConfig.objects.filter(pk__in=bots["bot"][asked].tolist())
    done = days_since(chosen.values_list("position_id", "time_zone", "state__day_from"), now=now)
    for index in asked:
        day = done.get(int(bots["position_id"][index]))
        if day:
            days[index] = day.trades, float(day.pnl)
    return days


def _places(all_of: NDArray[np.int64], some: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of ``some``, which are all in it, stands in ``all_of``, which names nothing twice."""
    order = np.argsort(all_of)
    return order[np.searchsorted(all_of, some, sorter=order)]
