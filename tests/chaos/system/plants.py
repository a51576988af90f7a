"""Bugs that careful people have shipped, one switch each, to see that the harness can fail. For a chaos worker only.

Each replaces as little as it can of the code that production runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import Any

STATE_IS_REMEMBERED_SECONDS = 30


def write_after_send() -> None:
    """Send the order first and commit its row afterwards."""
    from bots.services import run
    from market.exchange import gateway_for
    from trades import protocol
    from trades.lifecycle import OrderStatus
    from trades.models import Order
    from trades.services.books import BOOKS

    intend, reports = run.intend_order, dict[int, Any]()

    def intend_and_send(position_id: int, intent: Any, **how: Any) -> Any:
        order = intend(position_id, intent, **how)
        if isinstance(order, Order):
            now = datetime.now(UTC)
            deadline = now + protocol.VALID_FOR + protocol.PROOF_MARGIN
            order.move(OrderStatus.SUBMITTED, signed_at=now, proof_deadline=deadline)
            gateway = gateway_for(order.position.account)
            reports[order.pk] = gateway.submit(protocol._request(order, signed_at=now))
        return order

    def record(order: Any, *, now: datetime, **_: Any) -> None:
        BOOKS.record(order, reports.pop(order.pk), now=now)

    run.intend_order, run.submit_order = intend_and_send, record


def any_error_means_failed() -> None:
    """Take every exception for a no."""
    from market.exchange.errors import OrderRejected, OutcomeUnknown

    def submit(inner: Callable[..., Any], request: Any) -> Any:
        try:
            return inner(request)
        except OutcomeUnknown as error:
            raise OrderRejected(str(error)) from error

    _submitting(submit)


def resend_after_timeout() -> None:
    """Send it again, with the same client id, when no answer came."""
    from market.exchange.errors import OutcomeUnknown

    def submit(inner: Callable[..., Any], request: Any) -> Any:
        try:
            return inner(request)
        except OutcomeUnknown:
            return inner(replace(request, signed_at=datetime.now(UTC)))

    _submitting(submit)


def query_once_then_resend() -> None:
    """Ask once when no answer came, and believe a 'not found'."""
    from market.exchange.errors import ExchangeError, OrderNotFound, OutcomeUnknown

    def submit(inner: Callable[..., Any], request: Any) -> Any:
        try:
            return inner(request)
        except OutcomeUnknown as error:
            gateway = inner.__self__  # type: ignore[attr-defined]
            try:
                return gateway.find_order(request.symbol, request.client_order_id, request.type)
            except OrderNotFound:
                return inner(replace(request, signed_at=datetime.now(UTC)))
            except ExchangeError:
                raise error from None

    _submitting(submit)


def fresh_timestamp() -> None:
    """Sign with the time of sending, as the library does: a worker that was frozen sends what others gave up."""

    def submit(inner: Callable[..., Any], request: Any) -> Any:
        return inner(replace(request, signed_at=datetime.now(UTC)))

    _submitting(submit)


def absent_at_first_sight() -> None:
    """Take the first 'not found' for the proof that an order never arrived."""
    from trades import protocol

    def weigh(order: Any, *, books: Any, now: datetime) -> None:
        if order.status in protocol.IN_DOUBT:
            books.prove_absent(order, now=now)

    protocol._weigh_not_found = weigh


def no_compare_and_set() -> None:
    """Write a status without looking whether somebody else has written another."""
    from trades.models import Order

    def move(self: Any, status: Any, **changes: Any) -> bool:
        Order.objects.filter(pk=self.pk).update(status=status, **changes)
        for name, value in {"status": status, **changes}.items():
            setattr(self, name, value)
        return True

    Order.move = move  # type: ignore[method-assign]


def fills_by_cumulative_difference() -> None:
    """Book what the executed quantity has grown by, at the average price, as one fill."""
    from trades.booking import new_fills
    from trades.services import records

    def difference(report: Any, *, known: Any) -> list[Any]:
        new = new_fills(report, known=known)
        if not new:
            return []
        quantity = sum((fill.quantity for fill in new), Decimal(0))
        quote = sum((fill.quote_quantity for fill in new), Decimal(0))
        commission = sum((fill.commission for fill in new), Decimal(0))
        price = quote / quantity
        return [replace(new[-1], quantity=quantity, quote_quantity=quote, price=price, commission=commission)]

    records.new_fills = difference


def outbox_outside_transaction() -> None:
    """Write the news once the fill is committed."""
    from django.db import transaction

    from trades.services import records

    tell = records._tell

    def tell_later(*args: Any, **kwargs: Any) -> None:
        transaction.on_commit(partial(tell, *args, **kwargs))

    records._tell = tell_later


def cached_kill_switch() -> None:
    """Remember an account's state for a while instead of reading it with the order."""
    from market.models import ExchangeAccount

    load = ExchangeAccount.from_db.__func__  # type: ignore[attr-defined]
    remembered: dict[int, tuple[float, str]] = {}

    def from_db(cls: Any, *args: Any) -> Any:
        account = load(cls, *args)
        at, state = remembered.get(account.pk, (0.0, ""))
        if monotonic() - at > STATE_IS_REMEMBERED_SECONDS:
            remembered[account.pk] = (monotonic(), account.state)
        else:
            account.state = state
        return account

    ExchangeAccount.from_db = classmethod(from_db)  # type: ignore[assignment,method-assign]


def hand_order_per_delivery() -> None:
    """Place an order by hand each time that its task comes."""
    from uuid import uuid4

    from market.types import OrderType, Side
    from trades import services
    from trades.models import OrderByHand

    def execute(asked_id: int, *, now: datetime) -> Any:
        asked = OrderByHand.objects.select_related("user", "account__owner").get(pk=asked_id)
        asked.begin(now=now)
        given = (asked.symbol, Side(asked.side), asked.quantity, OrderType(asked.type), asked.price)
        wanted = services.HandOrder(*given)
        try:
            order = services.place_order(asked.user, asked.account, wanted, key=str(uuid4()), now=now)
        except services.OrderDenied as error:
            asked.end(OrderByHand.Status.DENIED, now=now, code=error.denial.code)
        else:
            asked.end(OrderByHand.Status.DONE, now=now, order=order)
        asked.refresh_from_db()
        return asked

    services.execute_asked = execute


PLANTS: dict[str, Callable[[], None]] = {
    plant.__name__: plant
    for plant in (
        write_after_send,
        any_error_means_failed,
        resend_after_timeout,
        query_once_then_resend,
        fresh_timestamp,
        absent_at_first_sight,
        no_compare_and_set,
        fills_by_cumulative_difference,
        outbox_outside_transaction,
        cached_kill_switch,
        hand_order_per_delivery,
    )
}


def _submitting(submit: Callable[[Callable[..., Any], Any], Any]) -> None:
    """Let ``submit`` stand around every gateway's own."""
    from tests.chaos.system.watching import WatchedGateway

    inner = WatchedGateway.submit
    setattr(WatchedGateway, "submit", lambda self, request: submit(inner.__get__(self), request))  # noqa: B010
