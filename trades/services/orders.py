"""Steps 1 to 3 of ../shared/spec/order-protocol.md: intend, claim, send once."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Sum, Value
from django.db.models.functions import Greatest

from market.budget import BudgetSpent, Priority, spending_as
from market.exchange.errors import ExchangeError, OrderRejected, OutcomeUnknown, PermissionDenied, RateLimited
from market.exchange.gateway import Gateway
from market.exchange.types import OrderRequest
from market.models import ExchangeAccount
from market.rules import Rules
from market.types import Side, moving
from trades.checks import Denial, Proposal, first_denial
from trades.lifecycle import IN_DOUBT
from trades.models import Event, Order, Position
from trades.services.booking import record_report
from trades.services.events import write_event

VALID_FOR = timedelta(seconds=5)
# The exchange's engine may hold a request for 10 s; 5 s more for clocks that disagree.
PROOF_MARGIN = timedelta(seconds=15)
# A refused entry is given up soon; an exit is tried on, once a tick, until it succeeds or somebody mends the cause.
MAX_ATTEMPTS = {Order.Purpose.ENTRY: 3, Order.Purpose.EXIT: None}
PRIORITIES = {Order.Purpose.ENTRY: Priority.ENTRIES, Order.Purpose.EXIT: Priority.EXITS}
SIGNAL_EXIT = "signal"  # the kind of exit that a strategy wants, in its key
ID_PREFIX = "tb-"  # marks our orders at the exchange; the auditor knows it too


@dataclass(frozen=True)
class Intent:
    """An order that somebody wants. ``signal_key`` names the act, so that it is done once."""

    purpose: Order.Purpose
    side: Side
    quantity: Decimal  # base asset
    price: Decimal  # quote asset; what the decision was based on
    signal_key: str
    reason: str


def exit_key(position: Position, kind: str) -> str:
    """The act of leaving the position this time round. A part that was left over may leave once more."""
    legs = position.orders.filter(
        purpose=Order.Purpose.EXIT, signal_key__startswith=f"exit:{position.round}:", filled_quantity__gt=0
    )
    return f"exit:{position.round}:{kind}:{legs.count()}"


def intend_order(position_id: int, intent: Intent, *, rules: Rules, now: datetime) -> Order | Denial:
    """Check an intent and write it down, in the caller's transaction. The position stays locked until that ends.

    A denial is the caller's to write down: only it knows whether it is news.
    """
    # Of the position alone: the account's row would make all of its bots wait for each other.
    locked = Position.objects.select_for_update(of=("self",), no_key=True)
    position = locked.select_related("account").get(pk=position_id)
    if position.smallest_quantity != rules.smallest_quantity:  # exchanges change their rules
        position.smallest_quantity = rules.smallest_quantity
        position.save(update_fields=["smallest_quantity"])
    proposal = _proposal(position, intent, rules=rules, now=now)
    denial = first_denial(proposal)
    if denial:
        return denial
    return Order.objects.create(
        position=position,
        client_order_id=f"{ID_PREFIX}{position.pk}-{secrets.token_hex(8)}",
        signal_key=intent.signal_key,
        attempt=proposal.attempts + 1,
        purpose=intent.purpose,
        side=intent.side.value,
        quantity=intent.quantity,
        reference_price=intent.price,
        reason=intent.reason[:300],
        created_at=now,
    )


def _proposal(position: Position, intent: Intent, *, rules: Rules, now: datetime) -> Proposal:
    same_act = position.orders.filter(signal_key=intent.signal_key)
    in_flight = position.orders.live().filter(purpose=Order.Purpose.EXIT)
    sums = in_flight.aggregate(ordered=Sum("quantity"), filled=Sum("filled_quantity"))
    return Proposal(
        is_entry=intent.purpose == Order.Purpose.ENTRY,
        quantity=intent.quantity,
        price=intent.price,
        rules=rules,
        account_state=position.account.state,
        account_cooling=position.account.is_cooling(now),
        live_entries=position.orders.live().filter(purpose=Order.Purpose.ENTRY).count(),
        position_open=position.is_open,
        orders_in_doubt=position.orders.filter(status__in=IN_DOUBT).count(),
        exits_in_flight=(sums["ordered"] or Decimal(0)) - (sums["filled"] or Decimal(0)),
        held=max(-intent.side.sign * position.quantity, Decimal(0)),
        same_act_real=same_act.real().exists(),
        attempts=same_act.count(),
        max_attempts=MAX_ATTEMPTS[intent.purpose],
        max_notional=Decimal(settings.MAX_ORDER_NOTIONAL),
    )


def take_back_unsent(position_id: int, *, signal_exits: bool, now: datetime) -> int:
    """Take back entries that are written down but not sent, and on request exits that only the strategy wanted.

    A worker that is just about to send one finds it gone.
    """
    unwanted = Q(purpose=Order.Purpose.ENTRY)
    if signal_exits:
        unwanted |= Q(purpose=Order.Purpose.EXIT, signal_key__contains=f":{SIGNAL_EXIT}:")
    intended = Order.objects.filter(unwanted, position_id=position_id, status=Order.Status.INTENDED)
    return intended.update(status=Order.Status.CANCELED, finished_at=now, error="taken back before it was sent")


def submit_order(order: Order, *, gateway: Gateway, now: datetime) -> ExchangeError | None:
    """Send an intended order once; return the exchange's bad news, if it had some.

    No transaction is open while we wait for the exchange. The order's validity counts from the claim, not from
    ``now``, when somebody began to think of it.
    """
    clock = moving(now)
    try:
        gateway.prepare()
    except ExchangeError as error:
        return error  # still intended: swept, or dropped when it gets too old
    claimed_at = clock()
    if not _claim(order, now=claimed_at):
        return None  # sent by another worker, taken back, or the account was halted meanwhile
    request = OrderRequest(
        symbol=order.position.symbol,
        side=Side(order.side),
        quantity=order.quantity,
        client_order_id=order.client_order_id,
        signed_at=claimed_at,
        valid_for=VALID_FOR,
    )
    try:
        with spending_as(PRIORITIES[Order.Purpose(order.purpose)]):  # whoever sends it
            report = gateway.submit(request)
    except (OrderRejected, RateLimited, PermissionDenied) as error:
        _settle_rejection(order, error, now=clock())
        return error
    except OutcomeUnknown as error:
        # Never resend: the order may be live. Reconciliation asks by client id.
        _settle_doubt(order, error, now=clock())
        return error
    record_report(order, report, now=clock())
    return None


def _claim(order: Order, *, now: datetime) -> bool:
    """Step 2: intended to submitted by compare-and-set, with a fresh look at the kill switch."""
    if order.status != Order.Status.INTENDED:
        return False
    with transaction.atomic(durable=True):
        account = ExchangeAccount.objects.select_for_update(no_key=True).get(pk=order.position.account_id)
        obstacle = _obstacle(account, order, now=now)
        if obstacle:
            order.move(Order.Status.CANCELED, finished_at=now, error=obstacle)
            return False
        return order.move(Order.Status.SUBMITTED, signed_at=now, proof_deadline=now + VALID_FOR + PROOF_MARGIN)


def _obstacle(account: ExchangeAccount, order: Order, *, now: datetime) -> str:
    """What has come up at the account since the order was intended."""
    reducing = account.state == ExchangeAccount.State.REDUCING and order.purpose == Order.Purpose.ENTRY
    if reducing or account.state == ExchangeAccount.State.HALTED:
        return f"the account is {account.state}"
    return "the exchange asked for silence" if account.is_cooling(now) else ""


def _settle_rejection(order: Order, error: ExchangeError, *, now: datetime) -> None:
    """A clear no: the money is free again, the act may be tried anew. What it says of the account is kept there."""
    with transaction.atomic(durable=True):
        if order.move(Order.Status.REJECTED, error=str(error)[:300], finished_at=now):
            message = f"{order.side} {order.position.symbol} rejected: {error}"
            write_event(Event.Kind.ORDER_REJECTED, order.position, message, now=now, order=order, code=error.code)
        note_account_trouble(order.position.account_id, error, now=now)


def note_account_trouble(account_id: int, error: ExchangeError, *, now: datetime) -> None:
    """Keep at the account what the exchange said of it: silence, which only ever grows longer, or a refused key."""
    account = ExchangeAccount.objects.filter(pk=account_id)
    if isinstance(error, BudgetSpent):
        return  # our own refusal, of one class of work: the account's exits go on
    if isinstance(error, RateLimited):
        account.update(cooldown_until=Greatest("cooldown_until", Value(now + error.retry_after)))
    elif isinstance(error, PermissionDenied):
        account.update(key_error=str(error)[:300])


def _settle_doubt(order: Order, error: OutcomeUnknown, *, now: datetime) -> None:
    with transaction.atomic(durable=True):
        if order.move(Order.Status.UNKNOWN, error=str(error)[:300]):
            message = f"{order.side} {order.position.symbol}: outcome unknown: {error}"
            write_event(Event.Kind.ORDER_UNKNOWN, order.position, message, now=now, order=order)
