"""Step 1 of ../shared/spec/order-protocol.md: check an intent and write it down. And the doors to the later steps."""

import logging
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from django.db import connection
from django.db.models import Q

from market.budget import Priority, spending_as
from market.exchange.errors import ExchangeError
from market.exchange.gateway import OrderGateway
from market.logs.context import bound
from market.rules import Rules
from market.types import Market, moving
from trades import protocol
from trades.checks import Denial, first_denial
from trades.lifecycle import REDUCTION, SIGNAL_EXIT
from trades.metrics import DENIED, ORDERS, count_taken_back
from trades.models import Order, Position
from trades.services.books import BOOKS
from trades.services.intents import Intent
from trades.services.proposals import proposal_of

logger = logging.getLogger(__name__)

# A refused entry is given up soon; an exit is tried on, once a tick, until it succeeds or somebody mends the cause.
MAX_ATTEMPTS = {Order.Purpose.ENTRY: 3, Order.Purpose.EXIT: None, Order.Purpose.PROTECTION: 3}
PRIORITIES = {
    Order.Purpose.ENTRY: Priority.ENTRIES,
    Order.Purpose.EXIT: Priority.EXITS,
    Order.Purpose.PROTECTION: Priority.PROTECTION,
}
LEGS_SQL = """
    SELECT count(*) FROM trades_order
     WHERE position_id = %s AND purpose = 'exit' AND starts_with(signal_key, %s) AND filled_quantity > 0
"""
ID_PREFIX = "tb-"  # marks our orders at the exchange; the auditor knows it too


def new_client_id(position_id: int) -> str:
    """A client id that no order ever had: the exchange does not refuse one that it has seen."""
    return f"{ID_PREFIX}{position_id}-{secrets.token_hex(8)}"


def exit_key(position: Position, kind: str) -> str:
    """The act of leaving the position this time round. A part that was left over may leave once more."""
    with connection.cursor() as cursor:
        cursor.execute(LEGS_SQL, [position.pk, f"exit:{position.round}:"])
        (legs,) = cursor.fetchone()
    return f"exit:{position.round}:{kind}:{legs}"


def intend_order(position_id: int, intent: Intent, *, rules: Rules, now: datetime) -> Order | Denial:
    """Check an intent and write it down, in the caller's transaction. The position stays locked until that ends.

    So do, for an entry, all further entries of its owner: what is at stake is counted and added to as one step.
    A denial is the caller's to write down: only it knows whether it is news.
    """
    position, proposal = proposal_of(
        position_id, intent, rules=rules, max_attempts=MAX_ATTEMPTS[intent.purpose], now=now
    )
    if position.smallest_quantity != rules.smallest_quantity:  # exchanges change their rules
        position.smallest_quantity = rules.smallest_quantity
        position.save(update_fields=["smallest_quantity"])
    denial = first_denial(proposal)
    if denial:
        account = position.account
        ORDERS.inc(environment=account.environment, market=account.market, purpose=intent.purpose, outcome=DENIED)
        return denial
    return Order.objects.create(
        position=position,
        client_order_id=new_client_id(position.pk),
        list_client_id=intent.list_client_id,
        signal_key=intent.signal_key,
        attempt=proposal.attempts + 1,
        purpose=intent.purpose,
        side=intent.side.value,
        type=intent.type.value,
        quantity=intent.quantity,
        price=intent.order_price,
        round=position.round,
        leg=intent.leg,
        reduce_only=position.account.market == Market.FUTURES and intent.purpose != Order.Purpose.ENTRY,
        reference_price=intent.price,
        reason=intent.reason[:300],
        created_at=now,
    )


def take_back_unsent(position_id: int, *, signal_exits: bool, now: datetime) -> int:
    """Take back entries that are written down but not sent, and on request exits that only the strategy wanted.

    A worker that is just about to send one finds it gone.
    """
    unwanted = Q(purpose=Order.Purpose.ENTRY)
    if signal_exits:
        by_signal = Q(signal_key__contains=f":{SIGNAL_EXIT}:") | Q(signal_key__startswith=f"{REDUCTION}:")
        unwanted |= Q(by_signal, purpose=Order.Purpose.EXIT)
    orders = Order.objects.filter(unwanted, position_id=position_id)
    canceled = {"status": Order.Status.CANCELED, "finished_at": now, "error": "taken back before it was sent"}
    count = orders.filter(status=Order.Status.INTENDED).update(**canceled)
    if count:
        count_taken_back(orders.filter(**canceled))
    return count


def _told_of(order: Order) -> AbstractContextManager[None]:
    """Lines of the log that are written meanwhile have its ids."""
    return bound(order=order.client_order_id, account=order.account_id)


def submit_order(order: Order, *, gateway: OrderGateway, now: datetime) -> ExchangeError | None:
    """Send an intended order once; return the exchange's bad news, if it had some."""
    return submit_orders([order], gateway=gateway, now=now)


def submit_orders(orders: Sequence[Order], *, gateway: OrderGateway, now: datetime) -> ExchangeError | None:
    """Send an intended order, or a stop and its target as one list, once; return the exchange's bad news."""
    with _told_of(orders[0]), spending_as(PRIORITIES[Order.Purpose(orders[0].purpose)]):  # whoever sends it
        error = protocol.submit(orders, books=BOOKS, gateway=gateway, clock=moving(now))
        for order in orders:
            told = order.purpose, order.side, order.status
            logger.debug("%s %s: %s", *told, extra={"order": order.client_order_id})
        return error


def cancel_order(order: Order, *, gateway: OrderGateway, now: datetime) -> ExchangeError | None:
    """Cancel an open order; return the bad news while the outcome is not clear."""
    with (
        _told_of(order),
        spending_as(Priority.EXITS),
    ):  # what is canceled ties up money, or stands in the way of an exit
        return protocol.cancel(order, books=BOOKS, gateway=gateway, clock=moving(now))
