"""Entries that a kill switch stops: taken back when they are not sent, canceled when they are open."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from market import patience
from market.exchange import gateway_for
from market.exchange.errors import ExchangeError
from market.fields import SecretUnreadable
from market.models import Switch
from market.switches import SwitchState
from market.types import Clock
from trades.lifecycle import IN_DOUBT, OrderPurpose, OrderStatus
from trades.metrics import count_taken_back
from trades.models import Order
from trades.services.orders import cancel_order

logger = logging.getLogger(__name__)

CANCELING_BUDGET = timedelta(seconds=20)  # what is left then is canceled by the sweep


@contextmanager
def time_to_cancel(clock: Clock, *, in_haste: bool) -> Iterator[datetime]:
    """Until when open entries are canceled in this block. ``in_haste``: a thread of a web process waits for it.

    Then the last cancel ends in time, too; and if as many wait for an exchange as may, all is left to the sweep.
    """
    if not in_haste:
        yield clock() + CANCELING_BUDGET
        return
    until = clock() + timedelta(seconds=patience.SECONDS)
    with ExitStack() as places:
        try:
            places.enter_context(patience.patiently())
        except patience.TooManyWaiting:
            until = clock()
        yield until


def withdraw_entries(condition: Q, *, now: datetime) -> int:
    """Take back entries that are not sent, and note on all others that they are to be canceled; return the former.

    In the caller's transaction. An order whose row somebody else holds is skipped: a kill switch waits for nobody, and
    the next sweep finds it.
    """
    entries = Order.objects.live().filter(condition, purpose=OrderPurpose.ENTRY)
    unlocked = entries.order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=True)
    # Two steps: an UPDATE with a join would not look at the status again after waiting for a row.
    ids = list(unlocked.values_list("pk", flat=True))
    mine = Order.objects.filter(pk__in=ids)
    taken_back = mine.filter(status=OrderStatus.INTENDED).update(
        status=OrderStatus.CANCELED, finished_at=now, error="taken back by the kill switch"
    )
    if taken_back:
        count_taken_back(mine.filter(status=OrderStatus.CANCELED))
    at_work = mine.filter(status__in=(*IN_DOUBT, OrderStatus.OPEN), cancel_requested_at=None)
    at_work.update(cancel_requested_at=now)
    return taken_back


def withdraw_halted(*, now: datetime) -> None:
    """Before each sweep: entries that a press could not reach, or that a dead process left on something halted."""
    halted = SwitchState.HALTED
    stopped = Q(account__state=halted) | Q(account__owner__switch__state=halted)
    if Switch.objects.filter(user=None, state=halted).exists():
        stopped = Q()
    with transaction.atomic(durable=True):
        withdraw_entries(stopped & Q(cancel_requested_at=None), now=now)


def cancel_withdrawn(condition: Q, *, clock: Clock, until: datetime) -> tuple[int, int]:
    """Cancel open entries that are to be canceled, while there is time; return how many are, how many are left."""
    left = Order.objects.live().filter(condition, purpose=OrderPurpose.ENTRY, cancel_requested_at__isnull=False)
    canceled = 0
    for order in left.filter(status=OrderStatus.OPEN).select_related("position__account").order_by("pk"):
        if clock() >= until:
            break
        canceled += _cancel(order, now=clock())
    return canceled, left.count()


def _cancel(order: Order, *, now: datetime) -> bool:
    """Cancel one order; one that can't be keeps its wish, and no other order waiting."""
    error: Exception | None
    try:
        error = cancel_order(order, gateway=gateway_for(order.position.account), now=now)
    except (ExchangeError, SecretUnreadable) as trouble:
        error = trouble
    if error:
        logger.warning("order %s: not canceled yet: %s", order.client_order_id, error)
    return error is None and order.status != OrderStatus.OPEN
