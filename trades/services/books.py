"""The books of ``trades.protocol`` in PostgreSQL: each method is one transaction."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Greatest

from market.exchange.errors import BudgetSpent, ExchangeError, PermissionDenied, RateLimited
from market.exchange.types import OrderReport
from market.models import ExchangeAccount, Switch
from market.ready import one_round_trip
from market.switches import Hold, SwitchState
from trades.lifecycle import OrderStatus
from trades.metrics import count_no, count_outcome
from trades.models import Event, Order
from trades.protocol import obstacle
from trades.services.asked_rows import lateness
from trades.services.events import write_event
from trades.services.records import record_report
from trades.services.switch_lock import claims_together
from trades.services.terms import note_futures_refusal


class DatabaseBooks:
    """See ``trades.protocol.Books``."""

    def claim(self, orders: Sequence[Order], *, signed_at: datetime, proof_deadline: datetime) -> bool:
        if any(order.status != OrderStatus.INTENDED for order in orders):
            return False
        with transaction.atomic(durable=True):
            with one_round_trip():
                claims_together()
                asked = Switch.objects.ask_hold_on(orders[0].account_id)
            found = _obstacle(orders, *asked(), now=signed_at) or lateness(orders[0])
            if found:
                for order in orders:
                    if order.move(OrderStatus.CANCELED, finished_at=signed_at, error=found):
                        count_outcome(order, OrderStatus.CANCELED)
                return False
            moment = {"signed_at": signed_at, "proof_deadline": proof_deadline}
            moved = [order.move(OrderStatus.SUBMITTED, **moment) for order in orders]
            if not all(moved):
                transaction.set_rollback(True)
        if all(moved):
            for order in orders:
                count_outcome(order, OrderStatus.SUBMITTED)
        return all(moved)

    def reject(self, orders: Sequence[Order], error: ExchangeError, *, now: datetime) -> None:
        with transaction.atomic(durable=True):
            for order in orders:
                if order.move(OrderStatus.REJECTED, error=str(error)[:300], finished_at=now):
                    message = f"{order.side} {order.symbol} rejected: {error}"
                    write_event(
                        Event.Kind.ORDER_REJECTED, order.position, message, now=now, order=order, code=error.code
                    )
                    count_no(order, now=now)
            note_account_trouble(orders[0].position.account_id, error, now=now)
            note_futures_refusal(orders[0].position, error)

    def doubt(self, orders: Sequence[Order], error: ExchangeError, *, now: datetime) -> None:
        with transaction.atomic(durable=True):
            for order in orders:
                if order.move(OrderStatus.UNKNOWN, error=str(error)[:300]):
                    message = f"{order.side} {order.symbol}: outcome unknown: {error}"
                    write_event(Event.Kind.ORDER_UNKNOWN, order.position, message, now=now, order=order)
                    count_outcome(order, OrderStatus.UNKNOWN)

    def record(self, order: Order, report: OrderReport, *, now: datetime) -> None:
        record_report(order, report, now=now)

    def drop(self, order: Order, reason: str, *, now: datetime) -> None:
        if order.move(OrderStatus.CANCELED, finished_at=now, error=reason):
            count_outcome(order, OrderStatus.CANCELED)

    def note_not_found(self, order: Order, *, now: datetime) -> None:
        Order.objects.filter(pk=order.pk, not_found_at__isnull=True).update(not_found_at=now)

    def prove_absent(self, order: Order, *, now: datetime) -> None:
        with transaction.atomic(durable=True):
            if order.move(OrderStatus.ABSENT, finished_at=now):
                message = f"{order.side} {order.symbol} never reached the exchange"
                write_event(Event.Kind.ORDER_ABSENT, order.position, message, now=now, order=order)
                count_outcome(order, OrderStatus.ABSENT)

    def request_cancel(self, order: Order, *, now: datetime) -> bool:
        still_open = Order.objects.filter(pk=order.pk, status=OrderStatus.OPEN)
        if not still_open.update(cancel_requested_at=now):
            return False
        order.cancel_requested_at = now
        return True


BOOKS = DatabaseBooks()


def note_account_trouble(account_id: int, error: Exception, *, now: datetime) -> None:
    """Keep at the account what the exchange said of it: silence, which only ever grows longer, or a refused key.

    There are two silences, since two things are counted. Requests count for the address: 429 and 418 silence all
    processes for that market, before anything is sent (`market.budget`, in Redis: it is asked before every call and may
    be forgotten, as the exchange says it again). Orders count for the account: -1015 silences this one alone, and so
    does an engine that is overloaded (-1008, 503), for some seconds. That is ``cooldown_until``, in PostgreSQL: the
    transaction that claims an order reads it, and its owner sees why nothing is sent. An account whose order met a 429
    or 418 has both: it needs no second call, and no Redis, to know.
    """
    account = ExchangeAccount.objects.filter(pk=account_id)
    if isinstance(error, BudgetSpent):
        return  # our own refusal, of one class of work: the account's exits go on
    if isinstance(error, RateLimited):
        account.update(cooldown_until=Greatest("cooldown_until", Value(now + error.retry_after)))
    elif isinstance(error, PermissionDenied):
        _note_refused_key(account, str(error), now=now)


def _note_refused_key(account: QuerySet[ExchangeAccount], error: str, *, now: datetime) -> None:
    """Keep why the key was refused. That it is refused is news when it was not before."""
    with transaction.atomic():
        if account.filter(key_error="").update(key_error=error[:300]):
            refused = account.get()
            text = f"account {refused.name}: the exchange refuses its key: {error}"
            write_event(Event.Kind.KEY_REFUSED, None, text, now=now, account=refused)
        else:
            account.update(key_error=error[:300])


def _obstacle(orders: Sequence[Order], hold: Hold, cooldown_until: datetime | None, *, now: datetime) -> str:
    """What has come up since the orders were intended, as read from the database in the transaction that sends them."""
    found = obstacle(orders, account_state=hold.state, is_cooling=cooldown_until is not None and now < cooldown_until)
    return str(hold) if found and hold.state != SwitchState.ACTIVE else found
