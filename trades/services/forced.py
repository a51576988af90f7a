"""What the exchange does to a futures position by itself: liquidation, auto-deleveraging, the end of a symbol.

Its order has a row like one of ours, made when its fills are found, so that they are booked to the position and it does
not stay open in our books for ever. Of a fill that closed more than we held the rest is a stranger's.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from market.exchange.types import AccountFill, FillReport, OrderReport, ReportStatus
from market.models import ExchangeAccount
from market.types import Market
from trades.lifecycle import OrderStatus
from trades.models import Event, Order, Position
from trades.services.books import BOOKS
from trades.services.events import write_event
from trades.services.records import locked_position

# How the exchange's own client ids begin → what it did.
KINDS = {
    "autoclose-": "liquidation",
    "adl_autoclose": "auto-deleveraging",
    "settlement_autoclose-": "settlement of a symbol that ends",
}
ID_PREFIX = "forced-"  # of our rows: the exchange's ids repeat from symbol to symbol


@dataclass(frozen=True)
class Share:
    """How a forced fill is divided: our part with the order that it is booked to, and what others had."""

    order: Order | None = None
    ours: FillReport | None = None
    others: AccountFill | None = None


def kind_of(account: ExchangeAccount, client_order_id: str) -> str:
    """What the exchange did by the order with this client id; empty for all orders of people and programs."""
    if account.market != Market.FUTURES:
        return ""
    return next((kind for prefix, kind in KINDS.items() if client_order_id.startswith(prefix)), "")


def share_of(account: ExchangeAccount, symbol: str, found: AccountFill, kind: str, *, now: datetime) -> Share:
    """Divide a forced fill, and make the order's row if it has none; nothing at all when our part is booked."""
    fill = found.fill
    with transaction.atomic():
        order = Order.objects.filter(
            position__account=account, position__symbol=symbol, exchange_order_id=found.exchange_order_id
        ).first()
        position = _locked(account, symbol, order)
        if order and order.fills.filter(exchange_trade_id=fill.exchange_trade_id).exists():
            return Share()
        held = max(-found.side.sign * position.quantity, Decimal(0)) if position else Decimal(0)
        part = min(fill.quantity, held)
        if position is None or not part:
            return Share(others=found)
        order = order or _made(position, found, kind, held=held, now=now)
    rest = fill.quantity - part
    others = replace(found, fill=_cut(fill, rest)) if rest else None
    return Share(order, _cut(fill, part), others)


def book_share(share: Share, *, now: datetime) -> None:
    """Book our part to the position, once."""
    if share.order is None or share.ours is None:
        return
    filled = share.order.filled_quantity + share.ours.quantity
    assert share.order.exchange_order_id is not None, "a forced order is known by the exchange's id"
    report = OrderReport(
        client_order_id=share.order.client_order_id,
        exchange_order_id=share.order.exchange_order_id,
        status=ReportStatus.FILLED if filled == share.order.quantity else ReportStatus.CANCELED,
        executed_quantity=filled,
        fills=(share.ours,),
    )
    BOOKS.record(share.order, report, now=now)


def _locked(account: ExchangeAccount, symbol: str, order: Order | None) -> Position | None:
    """The position that a forced order closes: the one that is open."""
    position_id = order.position_id if order else None
    if position_id is None:
        of_symbol = account.positions.open().filter(symbol=symbol).order_by("-opened_at")
        position_id = of_symbol.values_list("pk", flat=True).first()
    return locked_position(position_id) if position_id else None


def _made(position: Position, found: AccountFill, kind: str, *, held: Decimal, now: datetime) -> Order:
    """The row of a forced order, absent until its first fill is booked: a late birth like any other."""
    order = Order.objects.create(
        position=position,
        client_order_id=f"{ID_PREFIX}{position.pk}-{found.exchange_order_id}",
        signal_key=f"forced:{found.exchange_order_id}",
        purpose=Order.Purpose.EXIT,
        side=found.side.value,
        quantity=held,
        reduce_only=True,
        reference_price=found.fill.price,
        exchange_order_id=found.exchange_order_id,
        status=OrderStatus.ABSENT,
        reason=f"{kind} by the exchange",
        created_at=now,
        signed_at=now,
        proof_deadline=now,
    )
    message = f"{kind} by the exchange: {position.symbol} at {found.fill.price.normalize():f}"
    write_event(Event.Kind.LIQUIDATED, position, message, now=now, order=order)
    return order


def _cut(fill: FillReport, quantity: Decimal) -> FillReport:
    """A part of a fill, with its part of the commission."""
    return replace(
        fill,
        quantity=quantity,
        quote_quantity=fill.price * quantity,
        commission=fill.commission * quantity / fill.quantity,
    )
