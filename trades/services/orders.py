"""Step 1 of ../shared/spec/order-protocol.md: check an intent and write it down. And the doors to the later steps."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Q, Sum

from market.exchange.errors import ExchangeError
from market.exchange.gateway import OrderGateway
from market.exchange.types import OrderType
from market.rules import Rules
from market.types import Market, Side
from trades import protocol
from trades.checks import Denial, Proposal, first_denial
from trades.lifecycle import IN_DOUBT, SIGNAL_EXIT, OrderPurpose
from trades.liquidation import Terms
from trades.models import Order, Position
from trades.services.books import BOOKS
from trades.services.records import locked_position
from trades.services.terms import disagreement, outlook

# A refused entry is given up soon; an exit is tried on, once a tick, until it succeeds or somebody mends the cause.
MAX_ATTEMPTS = {Order.Purpose.ENTRY: 3, Order.Purpose.EXIT: None, Order.Purpose.PROTECTION: 3}
ID_PREFIX = "tb-"  # marks our orders at the exchange; the auditor knows it too


@dataclass(frozen=True)
class Intent:
    """An order that somebody wants. ``signal_key`` names the act, so that it is done once."""

    purpose: OrderPurpose
    side: Side
    quantity: Decimal  # base asset
    price: Decimal  # quote asset; what the decision was based on
    signal_key: str
    reason: str
    type: OrderType = OrderType.MARKET
    order_price: Decimal | None = None  # limit or trigger
    list_client_id: str = ""
    leg: int = 0
    terms: Terms | None = None  # of an entry on futures


def new_client_id(position_id: int) -> str:
    """A client id that no order ever had: the exchange does not refuse one that it has seen."""
    return f"{ID_PREFIX}{position_id}-{secrets.token_hex(8)}"


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
    position = locked_position(position_id)
    if position.smallest_quantity != rules.smallest_quantity:  # exchanges change their rules
        position.smallest_quantity = rules.smallest_quantity
        position.save(update_fields=["smallest_quantity"])
    proposal = _proposal(position, intent, rules=rules, now=now)
    denial = first_denial(proposal)
    if denial:
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
        **_futures_part(position, intent),
    )


def _futures_part(position: Position, intent: Intent) -> dict[str, Any]:
    """What the checks look at for an entry on futures."""
    if position.account.market != Market.FUTURES or intent.purpose != Order.Purpose.ENTRY:
        return {}
    terms, size = intent.terms, {"quantity": intent.quantity, "price": intent.price}
    return {
        "terms_trouble": disagreement(position, terms),
        "outlook": outlook(position, terms, side=intent.side, **size),
    }


def take_back_unsent(position_id: int, *, signal_exits: bool, now: datetime) -> int:
    """Take back entries that are written down but not sent, and on request exits that only the strategy wanted.

    A worker that is just about to send one finds it gone.
    """
    unwanted = Q(purpose=Order.Purpose.ENTRY)
    if signal_exits:
        unwanted |= Q(purpose=Order.Purpose.EXIT, signal_key__contains=f":{SIGNAL_EXIT}:")
    intended = Order.objects.filter(unwanted, position_id=position_id, status=Order.Status.INTENDED)
    return intended.update(status=Order.Status.CANCELED, finished_at=now, error="taken back before it was sent")


def submit_order(order: Order, *, gateway: OrderGateway, now: datetime) -> ExchangeError | None:
    """Send an intended order once; return the exchange's bad news, if it had some."""
    return protocol.submit([order], books=BOOKS, gateway=gateway, now=now)


def submit_pair(orders: Sequence[Order], *, gateway: OrderGateway, now: datetime) -> ExchangeError | None:
    """Send an intended stop and its target as one list, once; return the exchange's bad news, if it had some."""
    return protocol.submit(orders, books=BOOKS, gateway=gateway, now=now)


def cancel_order(order: Order, *, gateway: OrderGateway, now: datetime) -> ExchangeError | None:
    """Cancel an open order; return the bad news while the outcome is not clear."""
    return protocol.cancel(order, books=BOOKS, gateway=gateway, now=now)
