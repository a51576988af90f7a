"""What is at stake: counted from the database under the owner's lock, so that parallel workers can't exceed a cap.

An order that is written down is a reservation by itself: it counts from the commit of its intent until it is finished,
and its fills count in the position from then on. So there is no second ledger that could disagree with the first.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from market.models import ExchangeAccount
from market.ready import Asked, ask
from market.types import Market
from trades.checks import RiskCaps, Stake
from trades.lifecycle import CUT_SHORT, LIVE, NEVER_WERE
from trades.models import Position

ENTRIES_OF_AN_OWNER = 7_251_003  # any number that nothing else locks
MINUTE = timedelta(minutes=1)
# So long a balance denies what is beyond it: somebody may have paid in since.
BALANCE_DENIES_FOR = timedelta(minutes=2)
# And so long it lets go what is within it, less all that was written down since.
BALANCE_COUNTS_FOR = timedelta(minutes=15)
ZERO = Decimal(0)
LOCK_SQL = """
    SELECT pg_advisory_xact_lock(%s, account.owner_id)
      FROM trades_position AS position JOIN market_exchangeaccount AS account ON account.id = position.account_id
     WHERE position.id = %s
"""


def _texts(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _lost_today(limits: str) -> str:
    """What an account has lost since the midnight of some limits; 0 where they have no bound for it.

    Position by position: PostgreSQL can't tell how few trades are younger than a midnight that it reads from a row, and
    joined it would read those of all owners for it.
    """
    return f"""
           CASE WHEN {limits}.max_daily_loss IS NOT NULL
                THEN (SELECT -coalesce(sum(earned), 0) FROM (
                          SELECT (SELECT sum(realized_pnl) FROM trades_trade
                                   WHERE position_id = its.id
                                     AND created_at >= date_trunc('day', %(now)s, {limits}.time_zone)) AS earned
                            FROM trades_position AS its WHERE its.account_id = mine.id
                           UNION ALL
                          SELECT amount FROM trades_funding
                           WHERE account_id = mine.id AND paid_at >= date_trunc('day', %(now)s, {limits}.time_zone)
                      ) AS booked)
                ELSE 0 END"""  # noqa: S608 - made of constants


# `trades.models.IS_REAL` once more.
REAL_SQL = f"NOT (status IN ({_texts(NEVER_WERE)}) OR (status IN ({_texts(CUT_SHORT)}) AND filled_quantity = 0))"
# One row for each account of the owner in this environment: play money and real money are never added up. Statements
# like this run for every entry, so they are spelt out: the ORM takes longer to write them than PostgreSQL to answer.
STAKE_SQL = f"""
    WITH mine AS (
        SELECT id FROM market_exchangeaccount WHERE owner_id = %(owner)s AND environment = %(environment)s
    ), held AS (
        SELECT account_id,
               sum(abs(quantity) * entry_price) AS worth,
               sum(abs(quantity) * entry_price) FILTER (WHERE symbol = %(symbol)s) AS symbol_worth,
               count(*) FILTER (WHERE abs(quantity) >= smallest_quantity) AS positions
          FROM trades_position WHERE account_id = ANY(ARRAY(SELECT id FROM mine)) AND quantity <> 0 GROUP BY account_id
    ), counted AS (
        SELECT account_id, position_id, purpose, status, created_at,
               status IN ({_texts(LIVE)}) AS is_live,
               {REAL_SQL} AS is_real,
               CASE WHEN status IN ({_texts(CUT_SHORT)}) THEN finished_at END AS cut_short_at,
               (quantity - filled_quantity) * coalesce(price, reference_price) AS rest,
               quantity * coalesce(price, reference_price) AS whole
          FROM trades_order
         WHERE account_id = ANY(ARRAY(SELECT id FROM mine))
           AND (status IN ({_texts(LIVE)}) OR (purpose = 'entry' AND created_at > %(since)s))
    ), ordered AS (
        SELECT counted.account_id,
               sum(rest) FILTER (WHERE purpose = 'entry' AND is_live) AS worth,
               sum(rest) FILTER (WHERE purpose = 'entry' AND is_live AND symbol = %(symbol)s) AS symbol_worth,
               count(*) FILTER (WHERE purpose = 'entry' AND is_live AND is_flat) AS positions,
               count(*) FILTER (WHERE is_live) AS live,
               count(*) FILTER (WHERE purpose = 'entry' AND created_at > %(minute_ago)s) AS recent,
               -- What rests as open was tied up by the exchange when it told what was free.
               sum(CASE WHEN is_real AND created_at > %(read_at)s THEN whole
                        WHEN is_live AND status <> 'open' THEN rest END) FILTER (WHERE purpose = 'entry') AS reserved,
               max(cut_short_at) FILTER (WHERE is_real OR created_at <= %(read_at)s) AS cut_short_at
          -- One by one (LIMIT), of the few entries only: joined, PostgreSQL reads the positions of all owners for it.
          FROM counted LEFT JOIN LATERAL (
                   SELECT symbol, abs(quantity) < smallest_quantity AS is_flat FROM trades_position
                    WHERE id = counted.position_id AND counted.purpose = 'entry' LIMIT 1) AS its ON true
         GROUP BY counted.account_id
    )
    SELECT mine.id,
           coalesce(held.worth, 0) + coalesce(ordered.worth, 0) AS exposure,
           coalesce(held.symbol_worth, 0) + coalesce(ordered.symbol_worth, 0) AS symbol_exposure,
           coalesce(held.positions, 0) + coalesce(ordered.positions, 0) AS open_positions,
           coalesce(ordered.live, 0) AS open_orders,
           coalesce(ordered.recent, 0) AS orders_last_minute,
           {_lost_today("own")} AS lost_today,
           {_lost_today("owners")} AS lost_today_of_user,
           coalesce(ordered.reserved, 0) AS reserved,
           -- When something came back last: by an exit, or of an entry that was not filled as a whole.
           greatest((SELECT max(closed_at) FROM trades_position WHERE account_id = mine.id), ordered.cut_short_at)
               AS freed_at,
           %(minds_hand)s AND EXISTS (
               SELECT FROM trades_position AS hand
                WHERE hand.account_id = mine.id AND hand.symbol = %(symbol)s AND hand.by_hand
                  AND (hand.quantity <> 0 OR EXISTS (
                      SELECT FROM trades_order
                       WHERE position_id = hand.id AND purpose = 'entry' AND status IN ({_texts(LIVE)})))
           ) AS hand_there
      FROM mine LEFT JOIN held ON held.account_id = mine.id LEFT JOIN ordered ON ordered.account_id = mine.id
      LEFT JOIN market_risklimits AS own ON own.account_id = mine.id
      LEFT JOIN market_risklimits AS owners ON owners.user_id = %(owner)s
"""  # noqa: S608 - made of constants
FIGURES = ("exposure", "symbol_exposure", "open_positions", "open_orders", "orders_last_minute")
STAKES = (
    *FIGURES,
    "lost_today",
    "lost_today_of_user",
    "reserved",
    "freed_at",
    "hand_there",
)  # of STAKE_SQL after the account
CAPS = tuple(field.name for field in fields(RiskCaps))
LIMITS_SQL = f"SELECT account_id, {', '.join(CAPS)} FROM market_risklimits WHERE account_id = %s OR user_id = %s"  # noqa: S608 - names of fields


@dataclass(frozen=True)
class Risk:
    """What is at stake on the account and on all of its owner's; and its money, by the names of `Proposal`."""

    stakes: tuple[Stake, ...]
    free_quote: Decimal | None
    reserved_quote: Decimal
    balance_doubt: str
    hand_there: bool


def one_entry_at_a_time(position_id: int) -> None:
    """Keep every other entry of the position's owner waiting until our transaction ends: milliseconds."""
    connection.cursor().execute(LOCK_SQL, [ENTRIES_OF_AN_OWNER, position_id])


def ask_risk(position: Position, *, now: datetime) -> Callable[[], Risk]:
    """What is at stake beside a new entry of ``position``, to be answered when the round trip ends. Two statements."""
    account = position.account
    figures = _ask_figures(position, read_at=account.balance_read_at or now, now=now)
    caps = ask(LIMITS_SQL, [account.pk, account.owner_id], _caps)
    return lambda: _risk(account, figures(), caps(), now=now)


def _risk(
    account: ExchangeAccount,
    figures: dict[int, dict[str, Any]],
    caps: tuple[RiskCaps, RiskCaps],
    *,
    now: datetime,
) -> Risk:
    read_at = account.balance_read_at
    own, of_account, of_user = figures[account.pk], *caps
    total = {name: sum(row[name] for row in figures.values()) for name in (*FIGURES, "lost_today_of_user")}
    counts = read_at and now - read_at <= BALANCE_COUNTS_FOR
    return Risk(
        stakes=(
            Stake("account", of_account, lost_today=own["lost_today"], **{name: own[name] for name in FIGURES}),
            Stake("user", of_user, lost_today=total["lost_today_of_user"], **{name: total[name] for name in FIGURES}),
        ),
        free_quote=account.free_quote if counts else None,
        reserved_quote=own["reserved"],
        balance_doubt=_balance_doubt(read_at, own["freed_at"], now=now) if read_at else "",
        hand_there=own["hand_there"],
    )


def _balance_doubt(read_at: datetime, freed_at: datetime | None, *, now: datetime) -> str:
    """Why more may be free than what was read then, less what was reserved since; empty if it can't be.

    Where a balance was never read there is nothing to doubt: reconciliation reads it before an account may trade.
    """
    if now - read_at > BALANCE_DENIES_FOR:
        return f"what is free was read at {read_at:%H:%M:%S} UTC, too long ago"
    if freed_at and freed_at >= read_at:
        return f"what is free was read at {read_at:%H:%M:%S} UTC, and something was sold or canceled since"
    return ""


def _ask_figures(position: Position, *, read_at: datetime, now: datetime) -> Asked[dict[int, dict[str, Any]]]:
    """The rows of STAKE_SQL by account id."""
    account, minute_ago = position.account, now - MINUTE
    asked = {
        "owner": account.owner_id,
        "environment": account.environment,
        "symbol": position.symbol,
        "read_at": read_at,
        "minute_ago": minute_ago,
        "now": now,
        "since": now - BALANCE_COUNTS_FOR,
        "minds_hand": account.market == Market.FUTURES and not position.by_hand,
    }
    return ask(STAKE_SQL, asked, lambda rows: {row[0]: dict(zip(STAKES, row[1:], strict=True)) for row in rows})


def _caps(limits: list[Any]) -> tuple[RiskCaps, RiskCaps]:
    """The bounds of the account and of its owner: those of the platform, unless their own are stricter."""
    own = {bool(row[0]): RiskCaps(*row[1:]) for row in limits}
    of_accounts = RiskCaps(
        max_exposure=Decimal(settings.MAX_ACCOUNT_EXPOSURE),
        max_symbol_exposure=Decimal(settings.MAX_SYMBOL_EXPOSURE),
        max_open_positions=settings.MAX_OPEN_POSITIONS,
        max_open_orders=settings.MAX_OPEN_ORDERS,
        max_orders_per_minute=settings.MAX_ORDERS_PER_MINUTE,
    )
    of_users = RiskCaps(max_exposure=Decimal(settings.MAX_USER_EXPOSURE))
    return _stricter(of_accounts, own.get(True)), _stricter(of_users, own.get(False))


def _stricter(platform: RiskCaps, own: RiskCaps | None) -> RiskCaps:
    """Bound by bound the lower one: nobody loosens those of the platform."""
    if own is None:
        return platform
    pairs = [(getattr(platform, name), getattr(own, name)) for name in CAPS]
    return RiskCaps(*(min((bound for bound in pair if bound is not None), default=None) for pair in pairs))
