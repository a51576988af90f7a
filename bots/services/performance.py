"""How one bot has fared: what it earned, how often it won, how far it fell. From what is booked, exactly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import numpy as np

from bots.models import BotConfig
from bots.services.standings import OF_CLOSINGS, closings
from trades.models import Funding, Trade
from trades.performance import Drawdown, Outcomes

MOST_TRADES = 2_000  # of a period, the newest
ZERO = Decimal(0)


@dataclass(frozen=True)
class Performance:
    """Of one period, in quote asset; the drawdowns in percent of the highest equity so far."""

    since: datetime
    is_whole: bool  # whether all of the period's trades are in it
    realized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    trades: int
    outcomes: Outcomes  # of positions that were closed, without funding
    max_drawdown_percent: Decimal | None  # None: there was nothing of which it could be a part
    drawdown_percent: Decimal | None
    equity: Sequence[tuple[datetime, Decimal]] = field(default_factory=list)


def performance(bot: BotConfig, *, since: datetime) -> Performance:
    """What became of the bot since then. Two queries.

    Equity is its capital and what it had earned after each trade and funding, told from now backwards. A sale of a part
    is neither won nor lost by itself: it counts when the rest is sold.
    """
    newest = Trade.objects.filter(position=bot.position_id, created_at__gte=since).order_by("-created_at", "-pk")
    trades = list(newest.values_list("created_at", "commission_quote", *OF_CLOSINGS)[: MOST_TRADES + 1])
    is_whole, trades = len(trades) <= MOST_TRADES, trades[:MOST_TRADES]
    begin = since if is_whole else trades[-1][0]
    funded = Funding.objects.filter(position=bot.position_id, paid_at__gte=begin).order_by("-paid_at", "-pk")
    fundings = list(funded.values_list("paid_at", "amount")[:MOST_TRADES])
    steps = [*((at, pnl) for at, _, _, pnl, *_ in trades), *fundings]
    has = bot.initial_capital + bot.position.realized_pnl
    equity = _equity(steps, now=has)
    results = _results(closings(bot.position, [rest for _, _, *rest in trades]))
    earned = sum((amount for _, amount in steps), ZERO)
    deepest, last = _drawdowns([has - earned, *(value for _, value in equity)])
    return Performance(
        since=begin,
        is_whole=is_whole,
        realized_pnl=earned,
        fees=sum((fee for _, fee, *_ in trades), ZERO),
        funding=sum((amount for _, amount in fundings), ZERO),
        trades=len(trades),
        outcomes=Outcomes.of(results),
        max_drawdown_percent=deepest,
        drawdown_percent=last,
        equity=equity,
    )


def _equity(steps: Iterable[tuple[datetime, Decimal]], *, now: Decimal) -> list[tuple[datetime, Decimal]]:
    """The equity after each step, the oldest first."""
    found = []
    for at, amount in sorted(steps, key=lambda step: step[0], reverse=True):
        found.append((at, now))
        now -= amount
    return found[::-1]


def _results(closed: Iterable[tuple[bool, Decimal]]) -> list[Decimal]:
    """What each position brought that was closed, the oldest first."""
    found, pnl = [], ZERO
    for closes, amount in closed:
        pnl += amount
        if closes:
            found.append(pnl)
            pnl = ZERO
    return found


def _drawdowns(values: Sequence[Decimal]) -> tuple[Decimal | None, Decimal | None]:
    """The deepest fall from a highest value so far, and that at the end, in percent of it."""
    if values[0] <= 0:
        return None, None
    found = Drawdown.of_values(np.array(values, np.float64))
    return round(Decimal(found.deepest_percent), 4), round(Decimal(found.last_percent), 4)
