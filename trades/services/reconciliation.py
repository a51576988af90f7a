"""Orders that hang: asking the exchange for those in doubt, sending or dropping those never sent."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from market.exchange import gateway_for
from market.exchange.errors import ExchangeError, OrderNotFound
from market.exchange.gateway import Gateway
from market.fields import SecretUnreadable
from trades.models import Event, Order
from trades.services.booking import record_report
from trades.services.events import write_event
from trades.services.orders import submit_order

logger = logging.getLogger(__name__)

# A worker that is alive has its answer, or its time-out, by then.
ANSWER_DUE_AFTER = timedelta(seconds=20)
# Between these two an intended order was left behind by a worker that died, and is still worth sending.
LEFT_BEHIND_AFTER = timedelta(seconds=5)
TOO_OLD_TO_SEND = timedelta(seconds=30)
SECOND_LOOK_AFTER = timedelta(seconds=5)


def reconcile_orders(*, now: datetime) -> int:
    """Move every hanging order on as far as evidence allows; return how many were looked at.

    One account that can't be reached does not keep the others waiting.
    """
    hanging = (
        Order.objects.live()
        .filter(
            Q(status=Order.Status.INTENDED, created_at__lt=now - LEFT_BEHIND_AFTER)
            | Q(status=Order.Status.SUBMITTED, signed_at__lt=now - ANSWER_DUE_AFTER)
            | Q(status__in=(Order.Status.UNKNOWN, Order.Status.OPEN))
        )
        .select_related("position__account")
        .order_by("created_at")
    )
    orders = list(hanging[:500])
    for order in orders:
        try:
            _move_on(order, now=now)
        except (ExchangeError, SecretUnreadable) as error:
            logger.warning("order %s: still hanging: %s", order.client_order_id, error)
    return len(orders)


def _move_on(order: Order, *, now: datetime) -> None:
    if order.status != Order.Status.INTENDED:
        ask_for_order(order, gateway=gateway_for(order.position.account), now=now)
    elif order.created_at < now - TOO_OLD_TO_SEND:
        order.move(Order.Status.CANCELED, finished_at=now, error="never sent: too old when it was found")
    else:
        submit_order(order, gateway=gateway_for(order.position.account), now=now)


def ask_for_order(order: Order, *, gateway: Gateway, now: datetime) -> None:
    """Ask the exchange by client id and book the answer.

    "Not found" counts only past the proof deadline, and twice, some seconds apart: before, the order may still be
    under way. A query that fails proves nothing and raises ExchangeError.
    """
    try:
        report = gateway.find_order(order.position.symbol, order.client_order_id)
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
