"""The books in memory: what `trades.services` does in PostgreSQL, by the same rules, with the same promises.

Rows are handed out as copies, which grow old as a worker's do. Each method is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from market.exchange.errors import ExchangeError, RateLimited
from market.exchange.types import OrderReport
from market.types import Side
from tests.simulation.fate import Fate, atomic
from tests.simulation.rows import Account, Position, Row, Wanted
from trades.booking import book, line_of, new_fills, status_after
from trades.checks import Denial, Proposal, first_denial
from trades.lifecycle import IN_DOUBT, LIVE, NEVER_WERE, OrderPurpose, OrderStatus, may_become
from trades.pnl import ZERO
from trades.protocol import obstacle
from trades.services.orders import MAX_ATTEMPTS

MAX_NOTIONAL = Decimal(100_000)


class Broken(Exception):
    """The database would have refused this: one of its constraints is broken."""


class MemoryBooks:
    """See ``trades.protocol.Books``, and `trades.services` for the rest."""

    def __init__(self, fate: Fate, rates: Mapping[str, Decimal]) -> None:
        self.fate = fate
        self.rows: dict[int, Row] = {}
        self.by_client_id: dict[str, Row] = {}
        self.live: dict[int, Row] = {}
        self.positions: list[Position] = []
        self.late = 0  # fills that became known after later ones
        self._rates = rates

    # --- step 1

    @atomic
    def intend(self, position: Position, *wanted: Wanted) -> list[Row] | Denial:
        """Check what is wanted and write it down, all of it or nothing."""
        now = self.fate.scheduler.clock()
        proposals = [self._proposal(position, each, now=now) for each in wanted]
        for proposal in proposals:
            denial = first_denial(proposal)
            if denial:
                return denial
        return [
            self._insert(position, each, proposal.attempts + 1, now).copy()
            for each, proposal in zip(wanted, proposals, strict=True)
        ]

    def _proposal(self, position: Position, wanted: Wanted, *, now: datetime) -> Proposal:
        same_act = position.acts.get(wanted.key, ())
        live_entries = in_doubt = 0
        exits_in_flight = protected = ZERO
        # On spot the coins of another bot would be sold, too, if the protection and the exit were both executed.
        waits_for_protection = wanted.purpose == OrderPurpose.EXIT and position.account.market == "spot"
        for row in position.live.values():
            live_entries += row.purpose == OrderPurpose.ENTRY
            in_doubt += row.status in IN_DOUBT
            if row.purpose == OrderPurpose.EXIT or (waits_for_protection and row.purpose == OrderPurpose.PROTECTION):
                exits_in_flight += row.quantity - row.filled_quantity
            is_alike = row.purpose == wanted.purpose == OrderPurpose.PROTECTION and row.type == wanted.type
            if is_alike and not row.reduce_only:
                protected += row.quantity - row.filled_quantity
        return Proposal(
            is_entry=wanted.purpose == OrderPurpose.ENTRY,
            quantity=wanted.quantity,
            price=wanted.price,
            rules=position.rules,
            account_state=position.account.state,
            account_cooling=position.account.is_cooling(now),
            live_entries=live_entries,
            position_open=position.is_open,
            orders_in_doubt=in_doubt,
            exits_in_flight=exits_in_flight,
            protected=protected,
            held=max(-wanted.side.sign * position.quantity, ZERO),
            same_act_real=any(row.is_real for row in same_act),
            attempts=len(same_act),
            max_attempts=MAX_ATTEMPTS[wanted.purpose],
            max_notional=MAX_NOTIONAL,
        )

    def _insert(self, position: Position, wanted: Wanted, attempt: int, now: datetime) -> Row:
        row = Row(len(self.rows) + 1, position, wanted, attempt, now)
        self._register(row)
        return row

    def _register(self, row: Row) -> None:
        position = row.position
        self.rows[row.number] = self.by_client_id[row.client_order_id] = row
        position.acts.setdefault(row.act, []).append(row)
        if row.purpose != OrderPurpose.ENTRY:
            position.rounds.setdefault(row.act.rsplit(":", 2)[0], []).append(row)
        self._enter(row, OrderStatus(row.status))

    # --- the protocol

    @atomic
    def claim(self, orders: Sequence[Row], *, signed_at: datetime, proof_deadline: datetime) -> bool:
        if any(order.status != OrderStatus.INTENDED for order in orders):
            return False
        account = orders[0].position.account
        if obstacle(orders, account_state=account.state, is_cooling=account.is_cooling(signed_at)):
            for order in orders:
                self._move(order, OrderStatus.CANCELED)
            return False
        if any(self.rows[order.number].status != OrderStatus.INTENDED for order in orders):
            return False
        for order in orders:
            moment = {"signed_at": signed_at, "proof_deadline": proof_deadline}
            self._move(order, OrderStatus.SUBMITTED, **moment, claimed_ms=self.fate.scheduler.ms)
        return True

    @atomic
    def reject(self, orders: Sequence[Row], error: ExchangeError, *, now: datetime) -> None:
        for order in orders:
            self._move(order, OrderStatus.REJECTED)
        self._silence(orders[0].position.account, error, now=now)

    @atomic
    def doubt(self, orders: Sequence[Row], error: ExchangeError, *, now: datetime) -> None:
        for order in orders:
            self._move(order, OrderStatus.UNKNOWN)

    @atomic
    def record(self, order: Row, report: OrderReport, *, now: datetime) -> None:
        row = self.rows[order.number]
        self._book(row, report)
        row.exchange_order_id = report.exchange_order_id
        status = status_after(OrderStatus(row.status), report, filled=row.filled_quantity, quantity=row.quantity)
        if status != row.status:
            if row.status in NEVER_WERE:
                self._rename_late_birth(row)
            self._enter(row, status)
            row.not_found_at = None
        order.status, order.filled_quantity = row.status, row.filled_quantity
        order.exchange_order_id, order.not_found_at = row.exchange_order_id, row.not_found_at

    @atomic
    def drop(self, order: Row, reason: str, *, now: datetime) -> None:
        self._move(order, OrderStatus.CANCELED)

    @atomic
    def note_not_found(self, order: Row, *, now: datetime) -> None:
        row = self.rows[order.number]
        if row.not_found_at is None:
            row.not_found_at = now

    @atomic
    def prove_absent(self, order: Row, *, now: datetime) -> None:
        self._move(order, OrderStatus.ABSENT)

    @atomic
    def request_cancel(self, order: Row, *, now: datetime) -> bool:
        row = self.rows[order.number]
        if row.status != OrderStatus.OPEN:
            return False
        row.cancel_requested_at = order.cancel_requested_at = now
        return True

    # --- questions

    @atomic
    def look(self, position: Position) -> list[Row]:
        """The position's live orders."""
        return [row.copy() for row in position.live.values()]

    @atomic
    def find(self, number: int) -> Row:
        """One order."""
        return self.rows[number].copy()

    @atomic
    def note_trouble(self, account: Account, error: Exception) -> None:
        """Keep at the account that the exchange asked for silence."""
        self._silence(account, error, now=self.fate.scheduler.clock())

    # --- what transactions are made of

    def _move(self, order: Row, status: OrderStatus, **changes: Any) -> bool:
        """Leave the order's status, as its worker knows it, for another; see `Order.move`."""
        row = self.rows[order.number]
        if not may_become(OrderStatus(order.status), status):
            raise Broken(f"{order.client_order_id}: {order.status} to {status}")
        if row.status != order.status:
            return False
        row.__dict__.update(changes)
        self._enter(row, status)
        order.__dict__.update(changes, status=status)
        return True

    def _enter(self, row: Row, status: OrderStatus) -> None:
        row.status = status
        if status in LIVE:
            self.live[row.number] = row.position.live[row.number] = row
        else:
            self.live.pop(row.number, None)
            row.position.live.pop(row.number, None)
        self._keep_promises(row)

    def _book(self, row: Row, report: OrderReport) -> None:
        fills = new_fills(report, known=row.fills)
        if not fills:
            return
        position = row.position
        side, base_asset = Side(row.side), position.rules.base_asset
        is_entry = row.purpose == OrderPurpose.ENTRY
        lines = [
            line_of(fill, order=row.number, is_entry=is_entry, side=side, base_asset=base_asset, rates=self._rates)
            for fill in fills
        ]
        filled = row.filled_quantity + sum((fill.quantity for fill in fills), ZERO)
        if filled > row.quantity:
            raise Broken(f"{row.client_order_id}: {filled} of {row.quantity} filled")
        self.late += lines[0].trade_id < position.figures.newest
        position.figures, earned = book(position.figures, lines, journal=position.lines_above)
        row.filled_quantity = filled
        for fill, line in zip(fills, lines, strict=True):
            row.fills[fill.exchange_trade_id] = fill
            position.enter(line)
        for number, change in earned.items():
            self.rows[number].earned += change

    def _rename_late_birth(self, row: Row) -> None:
        if sum(other.is_real for other in row.position.acts[row.signal_key]):
            row.signal_key += f":late:{row.number}"

    def _keep_promises(self, row: Row) -> None:
        """The constraints of the database that a status can break."""
        live, same = row.position.live, row.position.acts[row.act]
        is_entry = row.purpose == OrderPurpose.ENTRY
        if is_entry and len(live) > 1 and sum(other.purpose == OrderPurpose.ENTRY for other in live.values()) > 1:
            raise Broken(f"position {row.position.number} has two live entries")
        if len(same) > 1 and sum(other.is_real and other.signal_key == row.signal_key for other in same) > 1:
            raise Broken(f"position {row.position.number}: {row.signal_key} is real twice")

    @staticmethod
    def _silence(account: Account, error: Exception, *, now: datetime) -> None:
        if isinstance(error, RateLimited):
            until = now + error.retry_after
            account.cooldown_until = max(account.cooldown_until or until, until)

    def hanging(self) -> Iterator[Row]:
        """Every live order, as it is."""
        return (row.copy() for row in list(self.live.values()))
