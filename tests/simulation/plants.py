"""Mistakes that somebody might make in the order core, to see that the simulation finds them.

They are made here, from outside: nothing in `trades` knows of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from market.exchange.errors import OrderNotFound, OutcomeUnknown
from market.exchange.gateway import OrderGateway
from market.exchange.types import OrderReport, OrderType
from tests.simulation import books as memory
from tests.simulation.books import MemoryBooks
from tests.simulation.bots import Bots
from tests.simulation.fate import atomic
from tests.simulation.rows import Position, Row, Wanted
from trades import booking, protocol
from trades.booking import Figures, Line
from trades.lifecycle import IN_DOUBT, OrderStatus
from trades.protocol import obstacle
from trades.services.orders import ID_PREFIX

Plant = Callable[[], AbstractContextManager[object]]
REAL_SEND = protocol._send
REAL_BOOK, REAL_MOVE, REAL_RECORD = MemoryBooks._book, MemoryBooks._move, MemoryBooks.record


def any_error_means_failed() -> AbstractContextManager[object]:
    """An order without an answer is given up, and done anew."""
    return patch.object(protocol, "CLEAR_NOES", (*protocol.CLEAR_NOES, OutcomeUnknown))


def resend_after_unknown() -> AbstractContextManager[object]:
    """An order without an answer is sent again, under the same id."""

    def send(orders: Sequence[Row], gateway: OrderGateway, *, signed_at: datetime) -> tuple[OrderReport, ...]:
        try:
            return REAL_SEND(orders, gateway, signed_at=signed_at)
        except OutcomeUnknown:
            return REAL_SEND(orders, gateway, signed_at=signed_at)

    return patch.object(protocol, "_send", send)


def query_once_then_resend() -> AbstractContextManager[object]:
    """An order without an answer is asked for at once, and sent again if it is not found."""

    def send(orders: Sequence[Row], gateway: OrderGateway, *, signed_at: datetime) -> tuple[OrderReport, ...]:
        try:
            return REAL_SEND(orders, gateway, signed_at=signed_at)
        except OutcomeUnknown:
            try:
                return tuple(
                    gateway.find_order(order.symbol, order.client_order_id, OrderType(order.type)) for order in orders
                )
            except OrderNotFound:
                return REAL_SEND(orders, gateway, signed_at=signed_at)

    return patch.object(protocol, "_send", send)


def query_once_then_absent() -> AbstractContextManager[object]:
    """The first "not found" past the deadline is believed."""

    def weigh(order: Row, *, books: MemoryBooks, now: datetime) -> None:
        assert order.proof_deadline is not None
        if order.status in IN_DOUBT and now >= order.proof_deadline:
            books.prove_absent(order, now=now)

    return patch.object(protocol, "_weigh_not_found", weigh)


def not_found_counts_before_the_deadline() -> AbstractContextManager[object]:
    """Two "not found" are believed, however soon after sending."""

    def weigh(order: Row, *, books: MemoryBooks, now: datetime) -> None:
        if order.status not in IN_DOUBT:
            return
        if order.not_found_at is None:
            books.note_not_found(order, now=now)
        elif now - order.not_found_at >= protocol.SECOND_LOOK_AFTER:
            books.prove_absent(order, now=now)

    return patch.object(protocol, "_weigh_not_found", weigh)


def no_compare_and_set() -> AbstractContextManager[object]:
    """Whoever has read an intended order sends it."""

    @atomic
    def claim(self: MemoryBooks, orders: Sequence[Row], *, signed_at: datetime, proof_deadline: datetime) -> bool:
        account = orders[0].position.account
        if any(order.status != OrderStatus.INTENDED for order in orders):
            return False
        if obstacle(orders, account_state=account.state, is_cooling=account.is_cooling(signed_at)):
            return False
        for order in orders:
            order.status = OrderStatus.SUBMITTED
            order.signed_at, order.proof_deadline = signed_at, proof_deadline
            row = self.rows[order.number]
            row.signed_at, row.proof_deadline, row.claimed_ms = signed_at, proof_deadline, self.fate.scheduler.ms
            self._enter(row, OrderStatus.SUBMITTED)
        return True

    return patch.object(MemoryBooks, "claim", claim)


def fills_by_cumulative_difference() -> AbstractContextManager[object]:
    """What is executed more than was booked is a new fill, at the price of the last one told."""

    def book(self: MemoryBooks, row: Row, report: OrderReport) -> None:
        more = report.executed_quantity - row.filled_quantity
        if more <= 0 or not report.fills:
            return
        made_up = replace(report.fills[-1], quantity=more, quote_quantity=more * report.fills[-1].price)
        REAL_BOOK(self, row, replace(report, fills=(made_up,)))

    return patch.object(MemoryBooks, "_book", book)


def fills_in_the_order_of_arrival() -> AbstractContextManager[object]:
    """A fill that comes late is counted as the last."""

    def book(figures: Figures, new: Sequence[Line], **_: object) -> tuple[Figures, dict[int, Decimal]]:
        return booking._counted(figures, new)

    return patch.object(memory, "book", book)


def fills_without_ids() -> AbstractContextManager[object]:
    """Every fill that is told is booked."""
    return patch.object(memory, "new_fills", lambda report, *, known: list(report.fills))


def status_before_fills() -> AbstractContextManager[object]:
    """An order is finished when the exchange says so, whether or not its fills are booked."""

    def status_after(current: OrderStatus, report: OrderReport, **_: Decimal) -> OrderStatus:
        told = booking.STATUS_OF[report.status]
        return told if booking.may_become(current, told) else current

    return patch.object(memory, "status_after", status_after)


def cached_kill_switch() -> AbstractContextManager[object]:
    """The switch is not looked at when an order is claimed."""
    return patch.object(memory, "obstacle", lambda orders, **_: "")


@contextmanager
def write_after_send() -> Iterator[None]:
    """An order is written down when its answer is there."""
    names = itertools.count(1)

    def insert(self: MemoryBooks, position: Position, wanted: Wanted, attempt: int, now: datetime) -> Row:
        row = Row(0, position, wanted, attempt, now)
        row.client_order_id = f"{ID_PREFIX}{position.number}-w{next(names):x}"
        return row

    def claim(self: MemoryBooks, orders: Sequence[Row], *, signed_at: datetime, proof_deadline: datetime) -> bool:
        for order in orders:
            order.status, order.claimed_ms = OrderStatus.SUBMITTED, self.fate.scheduler.ms
            order.signed_at, order.proof_deadline = signed_at, proof_deadline
        return True

    def write(self: MemoryBooks, order: Row) -> None:
        if not order.number:
            order.number = len(self.rows) + 1
            self._register(order.copy())

    def move(self: MemoryBooks, order: Row, status: OrderStatus, **changes: Any) -> bool:
        write(self, order)
        return REAL_MOVE(self, order, status, **changes)

    def record(self: MemoryBooks, order: Row, report: OrderReport, *, now: datetime) -> None:
        write(self, order)
        REAL_RECORD(self, order, report, now=now)

    with (
        patch.multiple(MemoryBooks, _insert=insert, claim=claim, _move=move, record=record),
        patch.object(Bots, "send_again", lambda self, numbers: None),
    ):
        yield


PLANTS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        any_error_means_failed,
        resend_after_unknown,
        query_once_then_resend,
        query_once_then_absent,
        not_found_counts_before_the_deadline,
        no_compare_and_set,
        write_after_send,
        cached_kill_switch,
        fills_by_cumulative_difference,
        fills_without_ids,
        fills_in_the_order_of_arrival,
        status_before_fills,
    )
}
