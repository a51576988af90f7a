"""What the exchange knows of an account and we don't: our own strays are adopted, everything else is kept apart."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from market.exchange.errors import OrderNotFound
from market.exchange.gateway import Gateway
from market.exchange.types import AccountFill, OpenOrder
from market.models import ExchangeAccount
from market.types import Market, OrderType, Side, moving
from trades import protocol
from trades.lifecycle import OrderStatus
from trades.models import Event, ExternalFill, ExternalOrder, FillCursor, Order, Position
from trades.services import forced
from trades.services.books import BOOKS
from trades.services.events import write_event
from trades.services.orders import ID_PREFIX

MOST_FILLS = 1000  # in one answer of the exchange


@dataclass(frozen=True)
class _Stray:
    """An order at the exchange that has no row."""

    symbol: str
    client_order_id: str
    side: Side
    quantity: Decimal
    price: Decimal


def note_open_orders(account: ExchangeAccount, there: list[OpenOrder], gateway: Gateway, *, now: datetime) -> None:
    """Adopt what is ours and has no row; keep what is not ours in its own ledger."""
    ids = [order.client_order_id for order in there]
    known = set(Order.objects.filter(client_order_id__in=ids).values_list("client_order_id", flat=True))
    strangers = []
    for order in there:
        stray = _Stray(order.symbol, order.client_order_id, order.side, order.quantity, order.price)
        if order.client_order_id not in known and not _adopt(account, stray, gateway, now=now):
            strangers.append(order)
    _keep_external(account, strangers, now=now)


def _keep_external(account: ExchangeAccount, strangers: list[OpenOrder], *, now: datetime) -> None:
    rows = [
        ExternalOrder(
            account=account,
            symbol=order.symbol,
            client_order_id=order.client_order_id[:50],
            exchange_order_id=order.exchange_order_id,
            kind=order.kind[:40],
            side=order.side.value,
            quantity=order.quantity,
            executed_quantity=order.executed_quantity,
            price=order.price,
            seen_at=now,
        )
        for order in strangers
    ]
    with transaction.atomic():
        ExternalOrder.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "symbol", "exchange_order_id", "kind"],
            update_fields=["executed_quantity"],
        )
        still_there = [order.exchange_order_id for order in strangers]
        account.external_orders.filter(gone_at=None).exclude(exchange_order_id__in=still_there).update(gone_at=now)


def _adopt(account: ExchangeAccount, stray: _Stray, gateway: Gateway, *, now: datetime) -> bool:
    """Take an order with our mark into the books again; False when it is not ours.

    Its row may have been lost with a database that was restored. The mark names the position, which has to be one of
    this account and symbol: nothing is claimed on the strength of a prefix alone.
    """
    position = _position_named(account, stray)
    if position is None:
        return False
    for kind in (OrderType.MARKET, OrderType.STOP, OrderType.TARGET):
        try:
            report = gateway.find_order(stray.symbol, stray.client_order_id, kind)
        except OrderNotFound:
            continue
        BOOKS.record(_adopted(position, stray, kind, now=now), report, now=now)
        return True
    return False


def _position_named(account: ExchangeAccount, stray: _Stray) -> Position | None:
    number = stray.client_order_id.removeprefix(ID_PREFIX).partition("-")[0]
    if not stray.client_order_id.startswith(ID_PREFIX) or not number.isdigit():
        return None
    return account.positions.filter(pk=int(number), symbol=stray.symbol).first()


def _adopted(position: Position, stray: _Stray, kind: OrderType, *, now: datetime) -> Order:
    """The row of a stray, absent until its report is booked: a late birth like any other."""
    is_exit = position.quantity * stray.side.sign < 0
    with transaction.atomic():
        order = Order.objects.create(
            position=position,
            client_order_id=stray.client_order_id,
            signal_key=f"adopted:{stray.client_order_id}",
            purpose=Order.Purpose.EXIT if is_exit else Order.Purpose.ENTRY,
            side=stray.side.value,
            type=kind.value,
            quantity=stray.quantity,
            price=stray.price if kind.is_conditional else None,
            reference_price=position.entry_price,
            status=OrderStatus.ABSENT,
            reason="adopted: found at the exchange, with our mark and without a row",
            created_at=now,
            signed_at=now,
            proof_deadline=now,
        )
        message = f"{stray.side} {stray.symbol} {stray.client_order_id} was found at the exchange and adopted"
        write_event(Event.Kind.ORDER_ADOPTED, position, message, now=now, order=order)
    return order


class Unsettled(Exception):
    """The account is moving just now, so nothing can be compared: try again soon."""


def book_missed_fills(account: ExchangeAccount, symbol: str, gateway: Gateway, *, now: datetime) -> None:
    """Read the account's fills of a symbol from where the last look ended; book ours, keep the others apart."""
    cursor = account.fill_cursors.filter(symbol=symbol).first() or FillCursor(account=account, symbol=symbol)
    traded = _read_on(cursor, gateway, now=now)
    if cursor.pk is None and account.market == Market.FUTURES:
        cursor.baseline = _held_before_us(cursor, gateway, traded=traded)
    cursor.save()


def _read_on(cursor: FillCursor, gateway: Gateway, *, now: datetime) -> Decimal:
    """Book page after page; return by how much the fills moved the account's holding."""
    account, traded = cursor.account, Decimal(0)
    while True:
        after_id = cursor.last_trade_id
        found = gateway.fills(cursor.symbol, after_id=after_id, since=account.created_at if after_id is None else None)
        for fill in found:
            _place_fill(account, cursor.symbol, fill, gateway, now=now)
            cursor.last_trade_id = max(cursor.last_trade_id or 0, fill.fill.exchange_trade_id)
            traded += fill.side.sign * fill.fill.quantity
        if len(found) < MOST_FILLS:
            return traded


def _held_before_us(cursor: FillCursor, gateway: Gateway, *, traded: Decimal) -> Decimal:
    """What the account held on futures when we met it: what is there now, less all that was traded since."""
    there = {position.symbol: position.quantity for position in gateway.positions()}
    if cursor.last_trade_id is not None and gateway.fills(cursor.symbol, after_id=cursor.last_trade_id):
        raise Unsettled(f"{cursor.symbol} is traded while its beginning is looked for")
    return there.get(cursor.symbol, Decimal(0)) - traded


def _place_fill(account: ExchangeAccount, symbol: str, found: AccountFill, gateway: Gateway, *, now: datetime) -> None:
    of_account = Order.objects.filter(position__account=account, position__symbol=symbol)
    orders = of_account.select_related("position__account")
    order = orders.filter(exchange_order_id=found.exchange_order_id).first()
    if order and order.client_order_id.startswith(forced.ID_PREFIX):
        _place_forced_fill(account, symbol, found, order.reason, now=now)
        return
    if order is None:
        client_order_id = gateway.client_id_of(symbol, found.exchange_order_id)
        kind = forced.kind_of(account, client_order_id)
        if kind:
            _place_forced_fill(account, symbol, found, kind, now=now)
            return
        order = orders.filter(client_order_id=client_order_id).first()
        stray = _Stray(symbol, client_order_id, found.side, found.fill.quantity, found.fill.price)
        if order is None and _adopt(account, stray, gateway, now=now):
            return
    if order is None:
        _keep_external_fill(account, symbol, found)
    elif not order.fills.filter(exchange_trade_id=found.fill.exchange_trade_id).exists():
        error = protocol.ask(order, books=BOOKS, gateway=gateway, clock=moving(now))
        if error:
            raise error


def _place_forced_fill(account: ExchangeAccount, symbol: str, found: AccountFill, kind: str, *, now: datetime) -> None:
    share = forced.share_of(account, symbol, found, kind, now=now)
    if share.others:
        _keep_external_fill(account, symbol, share.others)
    forced.book_share(share, now=now)


def _keep_external_fill(account: ExchangeAccount, symbol: str, found: AccountFill) -> None:
    fill = found.fill
    ExternalFill.objects.get_or_create(
        account=account,
        symbol=symbol,
        exchange_trade_id=fill.exchange_trade_id,
        exchange_order_id=found.exchange_order_id,
        defaults={
            "side": found.side.value,
            "price": fill.price,
            "quantity": fill.quantity,
            "commission": fill.commission,
            "commission_asset": fill.commission_asset,
            "executed_at": fill.executed_at,
        },
    )
