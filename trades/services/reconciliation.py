"""Orders that hang: asking the exchange for those in doubt, sending or dropping those never sent."""

import logging
from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import F, Q

from market.exchange import gateway_for
from market.exchange.errors import ExchangeError
from market.fields import SecretUnreadable
from market.locks import advisory_lock
from market.types import Clock, moving
from trades import protocol
from trades.models import Order
from trades.services.books import BOOKS, note_account_trouble

logger = logging.getLogger(__name__)

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
        error = _try_to_move_on(order, clock)
        if error and protocol.silences_the_account(error):
            silent.add(account.pk)
            note_account_trouble(account.pk, error, now=clock())
    return looked_at


def _hanging(now: datetime) -> list[Order]:
    hanging = Order.objects.live().filter(
        Q(status=Order.Status.INTENDED, created_at__lt=now - protocol.LEFT_BEHIND_AFTER)
        | Q(status=Order.Status.SUBMITTED, signed_at__lt=now - protocol.ANSWER_DUE_AFTER)
        | Q(status__in=(Order.Status.UNKNOWN, Order.Status.OPEN))
    )
    longest_ago = (F("asked_at").asc(nulls_first=True), "created_at")
    return list(hanging.select_related("position__account").order_by(*longest_ago)[:ORDERS_PER_SWEEP])


def _try_to_move_on(order: Order, clock: Clock) -> Exception | None:
    """Move one order on; return what was in the way, after writing it to the log."""
    error: Exception | None
    try:
        error = protocol.move_on(order, books=BOOKS, gateway=gateway_for(order.position.account), clock=clock)
    except SoftTimeLimitExceeded:
        raise
    except (ExchangeError, SecretUnreadable) as trouble:
        error = trouble
    except Exception as bug:  # a bug, or a row that can't be: it must not keep the other orders hanging
        logger.exception("order %s: can't be reconciled", order.client_order_id)
        return bug
    if error:
        logger.warning("order %s: still hanging: %s", order.client_order_id, error)
    return error
