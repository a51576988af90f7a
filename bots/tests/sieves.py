"""The rows that the sieve of a tick would have of a bot, made of what `decide` reads: no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from bots.decide import decide
from bots.decision import Decision
from bots.screening import (
    ACCOUNT,
    BOT,
    DAY,
    REASONS,
    RESTING,
    STATUSES,
    SWITCHES,
    WISHES,
    Rows,
    Sieve,
    Sifted,
    code,
    sift,
)
from bots.services.sieve import part_row, reading_row
from bots.situation import MarketView, Setup, Standing
from bots.types import Reason, Status
from market.columns import NEVER, microseconds


@dataclass(frozen=True)
class Case:
    """One bot at one moment. ``before``: its status and reason, if not what it will be told anyway."""

    setup: Setup
    market: MarketView
    standing: Standing
    before: tuple[Status, Reason] | None = None


def held_against(cases: Sequence[Case], *, now: datetime) -> tuple[list[Decision], Sifted]:
    """What the rule says of each of the bots, and what the sieve says of all of them."""
    decisions = [decide(case.setup, case.market, case.standing, now=now) for case in cases]
    sieve = Sieve(
        bots=_rows(BOT, [_bot(case, said) for case, said in zip(cases, decisions, strict=True)]),
        resting=_rows(RESTING, [_resting(case.standing) for case in cases]),
        days=_rows(DAY, [{"trades": case.standing.day.trades, "pnl": case.standing.day.pnl} for case in cases]),
        parts=np.array([_part(case.market) for case in cases]),
        readings=np.array([reading_row(case.market, case.setup.adds) for case in cases]),
        accounts=_rows(ACCOUNT, [_account(case.standing) for case in cases]),
        now=microseconds(now),
        least_liquidation_percent=float(cases[0].setup.min_liquidation_percent),
    )
    return decisions, sift(sieve)


def disagreements(cases: Sequence[Case], *, now: datetime) -> list[tuple[Case, Decision]]:
    """The bots that the sieve lets go although the rule says something else, or has work for them."""
    decisions, sifted = held_against(cases, now=now)
    pairs = zip(cases, decisions, sifted.unsure, sifted.codes, strict=True)
    return [
        (case, said)
        for case, said, unsure, told in pairs
        if not unsure and (said.has_work or told != code(said.status, said.reason))
    ]


def _rows(kind: np.dtype, rows: Sequence[dict[str, object]]) -> Rows:
    made = np.zeros(len(rows), kind)
    for index, row in enumerate(rows):
        for name, value in row.items():
            made[name][index] = value
    return made


def _bot(case: Case, said: Decision) -> dict[str, object]:
    setup, standing, limits, exits = case.setup, case.standing, case.setup.limits, case.setup.exits
    status, reason = case.before or (said.status, said.reason)
    return {
        "wish": WISHES.index(setup.wish),
        "status": STATUSES.index(status),
        "reason": REASONS.index(reason),
        "lockout": REASONS.index(standing.lockout),
        "opened_at": _moment(standing.opened_at),
        "closed_at": _moment(standing.closed_at),
        "cooldown_minutes": setup.cooldown_minutes,
        "max_daily_trades": -1 if limits.max_daily_trades is None else limits.max_daily_trades,
        "quantity": standing.quantity,
        "entry_price": standing.entry_price,
        "best_price": standing.best_price,
        "capital": setup.initial_capital,
        "max_daily_loss": _amount(limits.max_daily_loss_perc),
        "daily_target": _amount(limits.daily_target_perc),
        "stop_loss": _amount(exits.stop_loss_percent),
        "take_profit": _amount(exits.take_profit_percent),
        "trailing": _amount(exits.trailing_stop_percent),
        "break_even": _amount(exits.break_even_percent),
        "liquidation_price": _amount(standing.liquidation_price),
        "exits_when_stopped": setup.exits_when_stopped,
        "entries_paused": setup.entries_paused,
        "has_steps": bool(exits.steps),
        "terms_agreed": standing.terms_agreed,
        "liquidation_asked": standing.liquidation_asked,
    }


def _resting(standing: Standing) -> dict[str, object]:
    orders = standing.resting
    count = len(orders) + standing.order_in_doubt
    row: dict[str, object] = {"live": count, "orders": count, "within": True}
    row["odd"] = standing.order_in_doubt or any(
        order.in_doubt or order.canceling or order.leg or (order.side.sign * standing.quantity > 0) for order in orders
    )
    row["within"] = all(order.quantity <= abs(standing.quantity) for order in orders)
    for name, is_stop in (("stop", True), ("target", False)):
        mine = [order for order in orders if order.is_stop == is_stop]
        row[f"{name}s"] = len(mine)
        row[f"{name}_price"] = max((order.price for order in mine), default=0)
        row[f"{name}_quantity"] = max((order.quantity for order in mine), default=0)
    return row


def _account(standing: Standing) -> dict[str, object]:
    return {
        "hold": SWITCHES.index(standing.account_state),
        "cooling": standing.account_cooling,
        "key_error": bool(standing.key_error),
        "reconciled": standing.is_reconciled,
    }


def _part(market: MarketView) -> Rows:
    return part_row(market.rules, price=float(market.price), candle_close_at=market.candle_close_at)


def _moment(at: datetime | None) -> int:
    return NEVER if at is None else microseconds(at)


def _amount(value: Decimal | None) -> float:
    return float("nan") if value is None else float(value)
