"""Orders that hang: asking the exchange for those in doubt, sending or dropping those never sent."""

import logging
from collections import Counter
from datetime import datetime, timedelta
from itertools import chain

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import F, Q

from market.budget import Priority, spending_as
from market.exchange import gateway_for
from market.exchange.errors import ExchangeError, ExchangeUnavailable
from market.fields import SecretUnreadable
from market.locks import advisory_lock
from market.logs.context import bound
from market.models import ExchangeAccount
from market.types import Clock, moving
from trades import protocol
from trades.lifecycle import SENT
from trades.models import Order
from trades.services.books import BOOKS, note_account_trouble

logger = logging.getLogger(__name__)

SWEEP_LOCK = 7_251_001  # any number that nothing else locks
SWEEP_BUDGET = timedelta(seconds=60)  # well below the task's time limit, whatever one question takes
ORDERS_PER_SWEEP = 500
# On spot a list of all open orders weighs 80, one of a single symbol 6 and one order 4.
MOST_LISTS = 13


def reconcile_orders(*, now: datetime) -> int:
    """Move every hanging order on as far as evidence allows; return how many were looked at.

    One sweep at a time. What goes wrong with one order does not keep the others waiting: an account whose exchange
    does not answer is left for the next sweep after its first order, and who was asked longest ago is asked first.
    """
    with advisory_lock(SWEEP_LOCK) as free:
        return _sweep(moving(now)) if free else 0


@spending_as(Priority.RECONCILIATION)
def reconcile_order(order: Order, *, now: datetime) -> Exception | None:
    """Ask about one order now, whoever's turn it is, and move it on as far as evidence allows; send nothing.

    ``order`` is brought up to date. Returns what was in the way. It may be an order that a sweep is asking about just
    now: what both hear is booked once.
    """
    if order.status not in SENT or not protocol.is_hanging(order, now):
        return None
    account = order.position.account
    if account.is_cooling(now):
        return ExchangeUnavailable(f"the exchange asked for silence until {account.cooldown_until:%H:%M:%S} UTC")
    error = _try_to_move_on(order, moving(now))
    order.refresh_from_db()
    return error


def _sweep(clock: Clock) -> int:
    started, looked_at = clock(), 0
    by_account: dict[int, list[Order]] = {}
    for order in _hanging(started):
        by_account.setdefault(order.position.account_id, []).append(order)
    for orders in by_account.values():
        if clock() - started > SWEEP_BUDGET:
            break
        # Their turn counts even if they are skipped, else the orders of a silent account fill every sweep.
        Order.objects.filter(pk__in=[order.pk for order in orders]).update(asked_at=clock())
        looked_at += _sweep_account(orders, clock, until=started + SWEEP_BUDGET)
    return looked_at


def _sweep_account(orders: list[Order], clock: Clock, *, until: datetime) -> int:
    """Move the hanging orders of one account on; return how many were looked at."""
    account, looked_at = orders[0].position.account, 0
    if account.is_cooling(clock()):
        return 0
    unchanged = _unchanged(account, [order for order in orders if _rests(order)])
    for order in orders:
        if order.pk in unchanged:
            continue
        if clock() > until:
            break
        looked_at += 1
        error = _try_to_move_on(order, clock)
        if error and protocol.silences_the_account(error):
            note_account_trouble(account.pk, error, now=clock())
            break
    return looked_at


def _unchanged(account: ExchangeAccount, resting: list[Order]) -> set[int]:
    """Those that the exchange lists as open with nothing new: one question for all that rests in a symbol."""
    count = Counter(order.symbol for order in resting)
    symbols: list[str | None] = [symbol for symbol in count if count[symbol] > 1]
    if len(symbols) > MOST_LISTS:
        symbols = [None]
    try:
        lists = [gateway_for(account).open_orders(symbol) for symbol in symbols]
    except (ExchangeError, SecretUnreadable) as error:
        logger.warning("account %s: its open orders can't be listed: %s", account.pk, error)
        return set()
    there = {order.client_order_id: order.executed_quantity for order in chain.from_iterable(lists)}
    return {order.pk for order in resting if there.get(order.client_order_id) == order.filled_quantity}


def _rests(order: Order) -> bool:
    return order.status == Order.Status.OPEN and not order.cancel_requested_at


def _hanging(now: datetime) -> list[Order]:
    due = Q(asked_at__isnull=True) | Q(asked_at__lte=now - protocol.RESTING_ASKED_EVERY)
    hanging = Order.objects.live().filter(
        Q(status=Order.Status.INTENDED, created_at__lt=now - protocol.LEFT_BEHIND_AFTER)
        | Q(status=Order.Status.SUBMITTED, signed_at__lt=now - protocol.ANSWER_DUE_AFTER)
        | Q(status=Order.Status.UNKNOWN)
        | Q(status=Order.Status.OPEN) & (Q(cancel_requested_at__isnull=False) | due)
    )
    longest_ago = (F("asked_at").asc(nulls_first=True), "created_at")
    return list(hanging.select_related("position__account").order_by(*longest_ago)[:ORDERS_PER_SWEEP])


def _try_to_move_on(order: Order, clock: Clock) -> Exception | None:
    """Move one order on; return what was in the way, after writing it to the log."""
    with bound(order=order.client_order_id, account=order.account_id):
        return _move_on(order, clock)


def _move_on(order: Order, clock: Clock) -> Exception | None:
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
    logger.debug("looked after: %s", order.status)
    return error
