"""Orders that hang: asking the exchange for those in doubt, sending or dropping those never sent."""

import logging
from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import F, Q

from market.exchange import gateway_for
from market.exchange.errors import ExchangeError, ExchangeUnavailable, OrderNotFound, PermissionDenied, RateLimited
from market.exchange.gateway import Gateway
from market.fields import SecretUnreadable
from market.locks import advisory_lock
from market.types import Clock, OrderType, moving
from trades.models import Event, Order
from trades.services.booking import record_report
from trades.services.events import write_event
from trades.services.orders import note_account_trouble, submit_order

logger = logging.getLogger(__name__)

# A worker that is alive has its answer, or its time-out, by then.
ANSWER_DUE_AFTER = timedelta(seconds=20)
# Between these two an intended order was left behind by a worker that died, and is still worth sending.
LEFT_BEHIND_AFTER = timedelta(seconds=5)
TOO_OLD_TO_SEND = timedelta(seconds=30)
SECOND_LOOK_AFTER = timedelta(seconds=5)
SWEEP_LOCK = 7_251_001  # any number that nothing else locks
SWEEP_BUDGET = timedelta(seconds=60)  # well below the task's time limit, whatever one question takes
ORDERS_PER_SWEEP = 500


def reconcile_orders(*, now: datetime) -> int:
    """Move every hanging order on as far as evidence allows; return how many were looked at.

    One sweep at a time. What goes wrong with one order does not keep the others waiting: an account whose exchange
    does not answer is left for the next sweep after its first order, and who was asked longest ago is asked first.
    """
    with advisory_lock(SWEEP_LOCK) as free:
        return _sweep(moving(now)) if free else 0


def _sweep(clock: Clock) -> int:
    started, looked_at, silent = clock(), 0, set()
    for order in _hanging(started):
        account = order.position.account
        if clock() - started > SWEEP_BUDGET:
            break
        # Its turn counts even if it is skipped, else the orders of a silent account fill every sweep.
        Order.objects.filter(pk=order.pk).update(asked_at=clock())
        if account.pk in silent or account.is_cooling(clock()):
            continue
        looked_at += 1
        error = _try_to_move_on(order, now=clock())
        if isinstance(error, ExchangeUnavailable | RateLimited | PermissionDenied):
            silent.add(account.pk)
            note_account_trouble(account.pk, error, now=clock())
    return looked_at


def _hanging(now: datetime) -> list[Order]:
    hanging = Order.objects.live().filter(
        Q(status=Order.Status.INTENDED, created_at__lt=now - LEFT_BEHIND_AFTER)
        | Q(status=Order.Status.SUBMITTED, signed_at__lt=now - ANSWER_DUE_AFTER)
        | Q(status__in=(Order.Status.UNKNOWN, Order.Status.OPEN))
    )
    longest_ago = (F("asked_at").asc(nulls_first=True), "created_at")
    return list(hanging.select_related("position__account").order_by(*longest_ago)[:ORDERS_PER_SWEEP])


def _try_to_move_on(order: Order, *, now: datetime) -> Exception | None:
    """Move one order on; return what was in the way, after writing it to the log."""
    try:
        _move_on(order, now=now)
    except SoftTimeLimitExceeded:
        raise
    except (ExchangeError, SecretUnreadable) as error:
        logger.warning("order %s: still hanging: %s", order.client_order_id, error)
        return error
    except Exception as error:  # a bug, or a row that can't be: it must not keep the other orders hanging
        logger.exception("order %s: can't be reconciled", order.client_order_id)
        return error
    return None


def _move_on(order: Order, *, now: datetime) -> None:
    if order.status == Order.Status.INTENDED and order.created_at < now - TOO_OLD_TO_SEND:
        order.move(Order.Status.CANCELED, finished_at=now, error="never sent: too old when it was found")
        return
    gateway = gateway_for(order.position.account)
    if order.status == Order.Status.INTENDED:
        error = submit_order(order, gateway=gateway, now=now)
        if error:
            raise error
    else:
        ask_for_order(order, gateway=gateway, now=now)


def ask_for_order(order: Order, *, gateway: Gateway, now: datetime) -> None:
    """Ask the exchange by client id and book the answer.

    "Not found" counts only past the proof deadline, and twice, some seconds apart: before, the order may still be
    under way. A query that fails proves nothing and raises ExchangeError.
    """
    try:
        report = gateway.find_order(order.position.symbol, order.client_order_id, OrderType.MARKET)
    except OrderNotFound:
        _note_not_found(order, now=now)
    else:
        record_report(order, report, now=now)


def _note_not_found(order: Order, *, now: datetime) -> None:
    assert order.proof_deadline is not None, f"order {order.pk} was asked for but never sent"
    if order.status == Order.Status.OPEN or now < order.proof_deadline:
        return
    if order.not_found_at is None:
        Order.objects.filter(pk=order.pk, not_found_at__isnull=True).update(not_found_at=now)
        return
    if now - order.not_found_at < SECOND_LOOK_AFTER:
        return
    with transaction.atomic(durable=True):
        if order.move(Order.Status.ABSENT, finished_at=now):
            message = f"{order.side} {order.position.symbol} never reached the exchange"
            write_event(Event.Kind.ORDER_ABSENT, order.position, message, now=now, order=order)
