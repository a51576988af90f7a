"""The life of an order after it was written down: claim, send once, record, ask. Plain Python.

Steps 2 to 4 of ../shared/spec/order-protocol.md. `Books` is what remembers: PostgreSQL when we trade
(`trades.services.books`), a dictionary when `manage.py simulate` runs this very code. Each method of `Books` is one
transaction; none is open while the exchange is spoken to, and a process may die between any two lines of this module.
What happens here takes time, so it is given a clock, not a moment.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

from market.exchange.errors import (
    BudgetSpent,
    ExchangeError,
    ExchangeUnavailable,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
)
from market.exchange.gateway import OrderGateway
from market.exchange.types import OrderReport, OrderRequest, PairRequest
from market.types import Clock, OrderType, Side
from trades.lifecycle import IN_DOUBT, OrderPurpose, OrderStatus

VALID_FOR = timedelta(seconds=5)
# The exchange's engine may hold a request for 10 s; 5 s more for clocks that disagree.
PROOF_MARGIN = timedelta(seconds=15)
# A worker that is alive has its answer, or its time-out, by then.
ANSWER_DUE_AFTER = timedelta(seconds=20)
# Between these two an intended order was left behind by a worker that died, and is still worth sending.
LEFT_BEHIND_AFTER = timedelta(seconds=5)
TOO_OLD_TO_SEND = timedelta(seconds=30)
SECOND_LOOK_AFTER = timedelta(seconds=5)
# An order known to rest is in no doubt: how soon its fill is noticed, against what each question weighs.
RESTING_ASKED_EVERY = timedelta(seconds=30)
# A clear no says that the order was not, and never will be, executed.
CLEAR_NOES = (OrderRejected, RateLimited, PermissionDenied)


class OrderRow(Protocol):
    """An order as the protocol sees it. The texts are values of the enums of their names."""

    client_order_id: str
    list_client_id: str  # shared by the two orders of a pair; else empty
    purpose: str
    status: str
    type: str
    side: str
    quantity: Decimal
    price: Decimal | None
    reduce_only: bool
    created_at: datetime
    signed_at: datetime | None
    proof_deadline: datetime | None
    not_found_at: datetime | None
    cancel_requested_at: datetime | None

    @property
    def symbol(self) -> str:
        """The exchange's name of what is traded."""


Row = TypeVar("Row", bound=OrderRow, contravariant=True)


def obstacle(orders: Sequence[OrderRow], *, account_state: str, is_cooling: bool) -> str:
    """What has come up at the account since the orders were intended, read as they are claimed; empty: nothing."""
    enters = any(order.purpose == OrderPurpose.ENTRY for order in orders)
    if account_state == "halted" or (account_state == "reducing" and enters):
        return f"the account is {account_state}"
    return "the exchange asked for silence" if is_cooling else ""


class Books(Protocol[Row]):
    """What remembers orders. Each method is one transaction, durable when it returns."""

    def claim(self, orders: Sequence[Row], *, signed_at: datetime, proof_deadline: datetime) -> bool:
        """Move all from intended to submitted, or none. False: sent by another, taken back, or no longer allowed."""

    def reject(self, orders: Sequence[Row], error: ExchangeError, *, now: datetime) -> None:
        """A clear no: the money is free again, the act may be tried anew."""

    def doubt(self, orders: Sequence[Row], error: ExchangeError, *, now: datetime) -> None:
        """No clear answer: submitted to unknown."""

    def record(self, order: Row, report: OrderReport, *, now: datetime) -> None:
        """Book what is new in the report: fills, position, trade, status and news, together."""

    def drop(self, order: Row, reason: str, *, now: datetime) -> None:
        """An order that was not sent, and will not be: canceled."""

    def note_not_found(self, order: Row, *, now: datetime) -> None:
        """Remember the first 'not found' that counts."""

    def prove_absent(self, order: Row, *, now: datetime) -> None:
        """It never reached the exchange: the act may be tried anew."""

    def request_cancel(self, order: Row, *, now: datetime) -> bool:
        """Write down that an open order is to be canceled; False when it is not open any more."""


def submit(orders: Sequence[Row], *, books: Books[Row], gateway: OrderGateway, clock: Clock) -> ExchangeError | None:
    """Send one intended order, or the two of a pair, once; return the exchange's bad news, if it had some.

    Their validity counts from the claim, not from when somebody began to think of them.
    """
    try:
        gateway.prepare()
    except ExchangeError as error:
        return error  # still intended: swept, or dropped when it gets too old
    claimed_at = clock()
    if not books.claim(orders, signed_at=claimed_at, proof_deadline=claimed_at + VALID_FOR + PROOF_MARGIN):
        return None
    try:
        reports = _send(orders, gateway, signed_at=claimed_at)
    except CLEAR_NOES as error:
        if isinstance(error, BudgetSpent) and orders[0].purpose == OrderPurpose.ENTRY:
            # The exchange never saw it. (A stop that we have no weight for is one that can't rest: that counts.)
            for order in orders:
                books.drop(order, f"never sent: {error}"[:300], now=clock())
        else:
            books.reject(orders, error, now=clock())
        return error
    except OutcomeUnknown as error:
        # Never resend: the order may be live. Reconciliation asks by client id.
        books.doubt(orders, error, now=clock())
        return error
    for order, report in zip(orders, reports, strict=True):
        books.record(order, report, now=clock())
    return None


def _send(orders: Sequence[OrderRow], gateway: OrderGateway, *, signed_at: datetime) -> tuple[OrderReport, ...]:
    if len(orders) == 1:
        return (gateway.submit(_request(orders[0], signed_at=signed_at)),)
    requests = {OrderType(order.type): _request(order, signed_at=signed_at) for order in orders}
    pair = PairRequest(orders[0].list_client_id, stop=requests[OrderType.STOP], target=requests[OrderType.TARGET])
    told = dict(zip((OrderType.STOP, OrderType.TARGET), gateway.submit_pair(pair), strict=True))
    return tuple(told[OrderType(order.type)] for order in orders)


def _request(order: OrderRow, *, signed_at: datetime) -> OrderRequest:
    return OrderRequest(
        symbol=order.symbol,
        side=Side(order.side),
        quantity=order.quantity,
        client_order_id=order.client_order_id,
        signed_at=signed_at,
        valid_for=VALID_FOR,
        type=OrderType(order.type),
        price=order.price,
        reduce_only=order.reduce_only,
    )


def cancel(order: Row, *, books: Books[Row], gateway: OrderGateway, clock: Clock) -> ExchangeError | None:
    """Cancel an open order and record what has become of it; return the bad news, if the outcome is not clear yet.

    The wish is written down first. Whether it came true only the order itself tells: it may have been filled before.
    """
    if not books.request_cancel(order, now=clock()):
        return None
    try:
        gateway.cancel(order.symbol, order.client_order_id, OrderType(order.type))
    except OrderNotFound:
        pass  # it is not open any more: filled, canceled or expired
    except (*CLEAR_NOES, OutcomeUnknown) as error:
        return error  # it stays open, with the wish: the next sweep asks, and cancels again
    return ask(order, books=books, gateway=gateway, clock=clock)


def ask(order: Row, *, books: Books[Row], gateway: OrderGateway, clock: Clock) -> ExchangeError | None:
    """Ask the exchange by client id and book the answer; return what was in the way of asking.

    "Not found" counts only past the proof deadline, and twice, some seconds apart: before, the order may still be
    under way. A query that fails proves nothing.
    """
    asked_at = clock()  # an answer tells how things were at some moment after this one
    try:
        report = gateway.find_order(order.symbol, order.client_order_id, OrderType(order.type))
    except OrderNotFound:
        _weigh_not_found(order, books=books, now=asked_at)
    except ExchangeError as error:
        return error
    else:
        books.record(order, report, now=clock())
    return None


def _weigh_not_found(order: Row, *, books: Books[Row], now: datetime) -> None:
    assert order.proof_deadline is not None, f"order {order.client_order_id} was asked for but never sent"
    if order.status not in IN_DOUBT or now < order.proof_deadline:
        return
    if order.not_found_at is None:
        books.note_not_found(order, now=now)
    elif now - order.not_found_at >= SECOND_LOOK_AFTER:
        books.prove_absent(order, now=now)


def is_hanging(order: OrderRow, now: datetime) -> bool:
    """Whether nobody works on a live order any more, so that the sweep has to."""
    if order.status == OrderStatus.INTENDED:
        return order.created_at < now - LEFT_BEHIND_AFTER
    if order.status == OrderStatus.SUBMITTED:
        return order.signed_at is not None and order.signed_at < now - ANSWER_DUE_AFTER
    return order.status in (OrderStatus.UNKNOWN, OrderStatus.OPEN)


def move_on(order: Row, *, books: Books[Row], gateway: OrderGateway, clock: Clock) -> ExchangeError | None:
    """Move a hanging order on as far as evidence allows; return what was in the way."""
    if order.status != OrderStatus.INTENDED:
        error = ask(order, books=books, gateway=gateway, clock=clock)
        if not error and order.status == OrderStatus.OPEN and order.cancel_requested_at:
            return cancel(order, books=books, gateway=gateway, clock=clock)
        return error
    now = clock()
    if order.purpose == OrderPurpose.PROTECTION:
        # Whether it is still wanted, and at which price, only a fresh look at the position tells.
        books.drop(order, "never sent: left behind", now=now)
        return None
    if order.created_at < now - TOO_OLD_TO_SEND:
        books.drop(order, "never sent: too old when it was found", now=now)
        return None
    return submit([order], books=books, gateway=gateway, clock=clock)


def silences_the_account(error: Exception | None) -> bool:
    """Whether there is no use in asking the same exchange about more of this account's orders now."""
    return isinstance(error, ExchangeUnavailable | RateLimited | PermissionDenied)
