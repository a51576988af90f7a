"""The books of a trial: fills, position and P&L by the rules that book live, and the equity at each close."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

import numpy as np

from bots.backtest.tape import Tape
from bots.backtest.types import Fill, Open, Round, Trial
from bots.limits import Day, Tally, day_start
from market.exchange.types import FillReport
from market.types import Side
from trades.booking import Figures, Line, book, line_of
from trades.lifecycle import OrderPurpose

SMALLEST = Decimal("1e-8")  # the exchange keeps no smaller amounts
ZERO = Decimal(0)


@dataclass
class _Round:
    """A position that is open, as it will be told."""

    side: Side
    opened_at: datetime
    pnl_before: Decimal
    fees_before: Decimal
    funding_before: Decimal
    entered: Decimal = ZERO
    cost: Decimal = ZERO
    left: Decimal = ZERO
    proceeds: Decimal = ZERO


@dataclass
class Ledger:
    trial: Trial
    tape: Tape
    figures: Figures = field(default_factory=Figures)
    funding: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tally = Tally.of(self.trial.setup.initial_capital)
        self.equity = np.empty(self.tape.end - self.tape.first)
        self._marked = self.tape.first  # the first candle whose close is not marked yet
        self._booked: list[tuple[datetime, int, Decimal]] = []  # of this day
        self._day_from: datetime | None = None
        self._round: _Round | None = None
        self._rate = self.trial.fee_percent / 100

    @property
    def quantity(self) -> Decimal:
        return self.figures.holding.quantity

    @property
    def realized_pnl(self) -> Decimal:
        """Funding is part of it, as in a live position."""
        return self.figures.holding.realized_pnl + self.funding

    @property
    def is_open(self) -> bool:
        return abs(self.quantity) >= self.trial.rules.smallest_quantity

    def day(self, now: datetime) -> Day:
        """What the bot's day has come to."""
        start = day_start(now, self.trial.time_zone)
        if start != self._day_from:
            self._day_from = start
            self._booked = [item for item in self._booked if item[0] >= start]
        return Day(sum(opened for _, opened, _ in self._booked), sum((pnl for *_, pnl in self._booked), ZERO))

    def fill(
        self,
        side: Side,
        *,
        price: Decimal,
        quantity: Decimal,
        purpose: OrderPurpose,
        kind: str,
        at: datetime,
        is_free: bool = False,
    ) -> None:
        """Book an order that was filled; ``is_free``: without a fee."""
        rules, is_entry, number = self.trial.rules, purpose is OrderPurpose.ENTRY, len(self.fills)
        worth = _down(price * quantity)
        # On spot the fee is taken from what is received, on futures from the money.
        in_base = side is Side.BUY and not rules.is_futures
        commission = ZERO if is_free else _down((quantity if in_base else worth) * self._rate)
        asset = rules.base_asset if in_base else rules.quote_asset
        report = FillReport(number, price, quantity, worth, commission, asset, at)
        rates = {rules.quote_asset: Decimal(1)}
        line = line_of(report, order=number, is_entry=is_entry, side=side, base_asset=rules.base_asset, rates=rates)
        before, was_open = self.figures, self.is_open
        self.figures, earned = book(before, [line], journal=_no_journal)
        pnl, fee = earned[number], line.execution.commission_quote
        self.fills.append(Fill(at, side, price, quantity, fee, purpose, kind, pnl))
        self._booked.append((at, int(is_entry), pnl))
        closes = not is_entry and not self.is_open
        self.tally.count(closes=closes, pnl=pnl)
        if is_entry and not was_open:
            holding = before.holding
            self._round = _Round(side, at, holding.realized_pnl, holding.fees, self.funding)
        self._tell(is_entry=is_entry, price=price, quantity=quantity)
        if closes:
            self._close(kind, at)

    def pay(self, amount: Decimal, at: datetime) -> None:
        """Book a payment that is no fill: funding, or what a liquidation costs."""
        self.funding += amount
        self._booked.append((at, 0, amount))

    def mark(self, until: int) -> None:
        """Mark the equity at the closes of all candles before ``until`` that have none yet."""
        begin, first = self._marked, self.tape.first
        if until <= begin:
            return
        base = float(self.trial.setup.initial_capital + self.realized_pnl)
        quantity = float(self.quantity)
        line = self.equity[begin - first : until - first]
        if quantity:
            np.subtract(self.tape.candles.close[begin:until], float(self.figures.holding.entry_price), out=line)
            line *= quantity
            line += base
        else:
            line[:] = base
        self._marked = until

    def still_open(self) -> Open | None:
        if self._round is None:
            return None
        price = Decimal(repr(float(self.tape.candles.close[-1])))
        holding = self.figures.holding
        unrealized = holding.unrealized_pnl(price)
        return Open(self._round.side, self._round.opened_at, holding.quantity, holding.entry_price, price, unrealized)

    def _tell(self, *, is_entry: bool, price: Decimal, quantity: Decimal) -> None:
        told = self._round
        assert told is not None, "what is left was entered"
        if is_entry:
            told.entered += quantity
            told.cost += quantity * price
        else:
            told.left += quantity
            told.proceeds += quantity * price

    def _close(self, kind: str, at: datetime) -> None:
        told = self._round
        assert told is not None, "what is closed was entered"
        funding = self.funding - told.funding_before
        self.rounds.append(
            Round(
                side=told.side,
                opened_at=told.opened_at,
                closed_at=at,
                entry_price=told.cost / told.entered,
                exit_price=told.proceeds / told.left,
                quantity=told.entered,
                realized_pnl=self.figures.holding.realized_pnl - told.pnl_before + funding,
                fees=self.figures.holding.fees - told.fees_before,
                funding=funding,
                exit_kind=kind,
            )
        )
        self._round = None


def _down(amount: Decimal) -> Decimal:
    return amount.quantize(SMALLEST, ROUND_DOWN)


def _no_journal(after_id: int) -> Iterable[Line]:
    raise AssertionError("fills of a trial are booked as they happen")
