"""Step 4 of the order protocol: a report becomes fills, position, trade and news, in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from functools import partial

from django.db import transaction
from django.db.models import F

from market.exchange.errors import ExchangeUnavailable
from market.exchange.types import FillReport, OrderReport
from market.prices import last_prices
from market.ready import Ready, one_round_trip
from market.rounding import plain
from market.types import OrderType, Side
from market.writing import Writes
from trades.booking import Line, Rates, book, line_of, new_fills, status_after
from trades.lifecycle import NEVER_WERE, OrderStatus
from trades.metrics import count_report
from trades.models import Event, Fill, Order, Position, Trade
from trades.pnl import EXACT, PLACES, ZERO, Execution
from trades.services.events import write_event

# What a line of the journal is read from.
JOURNAL = (
    *("exchange_trade_id", "order_id", "order__purpose", "order__side", "price", "quantity"),
    *("commission_quote", "commission", "commission_asset", "executed_at"),
)
LOCKED_POSITION = Ready(
    lambda position_id: (
        Position.objects.select_for_update(of=("self",), no_key=True).select_related("account").filter(pk=position_id)
    ),
    int,
)
LOCKED_ORDER = Ready(lambda order_id: Order.objects.select_for_update(no_key=True).filter(pk=order_id), int)
# What a report may change of an order.
FOLLOWED = (
    *("status", "signal_key", "filled_quantity", "exchange_order_id", "not_found_at", "finished_at"),
    "naked_seconds",
)
OPEN_STOPS = Ready(
    lambda position_id: Order.objects.filter(position=position_id, type=OrderType.STOP, status=OrderStatus.OPEN), int
)
EVENT_OF_PROTECTION = {OrderType.STOP: Event.Kind.STOP_HIT, OrderType.TARGET: Event.Kind.TARGET_HIT}


def record_report(order: Order, report: OrderReport, *, now: datetime) -> None:
    """Book what is new in ``report``; what is booked already changes nothing, in whatever order reports arrive.

    ``order`` is brought up to date. Raises ExchangeUnavailable while a commission can't be converted.
    """
    rates = _commission_rates(order.position, report, now=now)  # may ask the exchange, so before the transaction
    with transaction.atomic(durable=True):
        with one_round_trip():
            locked = LOCKED_POSITION.ask_one(order.position_id), LOCKED_ORDER.ask_one(order.pk)
            asked_stops = OPEN_STOPS.ask(order.position_id)
        position, current = locked[0](), locked[1]()
        current.position, before = position, current.status
        booked = list(current.fills.all()) if current.filled_quantity else []
        new, earned = _book_new_fills(current, position, report, booked, rates=rates)
        if _follow_status(current, report, now=now) or earned:
            others = [stop for stop in asked_stops() if stop.pk != current.pk]
            is_turned = _watch_nakedness(current, position, others, now=now)
            trade = _trade_of(current, position, booked, new, earned) if earned else None
            with Writes() as writes:
                writes.insert(*new)
                writes.update(current, *FOLLOWED)
                if is_turned or earned:
                    writes.update(position)
                if trade:
                    writes.save(trade)
            if trade:
                _tell(current, position, trade, now=now)
    for field in ("status", "filled_quantity", "exchange_order_id", "finished_at", "not_found_at", "naked_seconds"):
        setattr(order, field, getattr(current, field))
    order.position = position
    count_report(order, before, len(new), now=now)


def locked_position(position_id: int) -> Position:
    """The position with its account, locked until the transaction ends.

    Of the position alone: the account's row would make all of its bots wait for each other.
    """
    return LOCKED_POSITION.get(position_id)


def _commission_rates(position: Position, report: OrderReport, *, now: datetime) -> Rates:
    """What a unit of each commission asset is worth, but for the base asset, which is worth its fill's price."""
    rates = {position.quote_asset: Decimal(1)}
    foreign = {fill.commission_asset for fill in report.fills} - {position.quote_asset, position.base_asset}
    if foreign:
        account = position.account
        prices = last_prices(account.environment, account.market, now=now)
        for asset in foreign:
            pair = f"{asset}{position.quote_asset}"
            if pair not in prices:
                raise ExchangeUnavailable(f"no price of {pair} to convert a commission with")
            rates[asset] = prices[pair].value
    return rates


def _book_new_fills(
    order: Order, position: Position, report: OrderReport, fills: list[Fill], *, rates: Rates
) -> tuple[list[Fill], Mapping[int, Decimal]]:
    """Book what is not among the order's ``fills`` yet, under the locks of order and position.

    Returns the new fills, not saved yet, and what they changed in the earnings of each order, by its id.
    """
    new = new_fills(report, known={fill.exchange_trade_id for fill in fills})
    if not new:
        return [], {}
    is_entry, side = order.purpose == Order.Purpose.ENTRY, Side(order.side)
    lines = [
        line_of(fill, order=order.pk, is_entry=is_entry, side=side, base_asset=position.base_asset, rates=rates)
        for fill in new
    ]
    figures, earned = book(position.figures, lines, journal=partial(_journal, position))
    rows = [_fill(order, position, fill, line) for fill, line in zip(new, lines, strict=True)]
    position.take(figures)
    with localcontext(EXACT):
        order.filled_quantity = sum((fill.quantity for fill in (*fills, *rows)), ZERO)
    return rows, earned


def _journal(position: Position, after_id: int) -> Iterator[Line]:
    """The position's booked lines with a trade id above the given one."""
    rows = Fill.objects.filter(position=position, exchange_trade_id__gt=after_id).values_list(*JOURNAL)
    for trade_id, order, purpose, side, price, quantity, fee, commission, asset, executed_at in rows:
        from_base = commission if asset == position.base_asset else ZERO
        execution = Execution(Side(side), price, quantity, fee, from_base)
        yield Line(trade_id, order, purpose == Order.Purpose.ENTRY, execution, executed_at)


def _fill(order: Order, position: Position, reported: FillReport, line: Line) -> Fill:
    return Fill(
        order=order,
        position=position,
        account=position.account,
        symbol=position.symbol,
        exchange_trade_id=reported.exchange_trade_id,
        price=reported.price,
        quantity=reported.quantity,
        quote_quantity=reported.quote_quantity,
        commission=reported.commission,
        commission_asset=reported.commission_asset,
        commission_quote=line.execution.commission_quote,
        executed_at=reported.executed_at,
    )


def _follow_status(order: Order, report: OrderReport, *, now: datetime) -> bool:
    """Take over the exchange's id and status, once the books hold all that it executed; return whether any is new."""
    status = status_after(OrderStatus(order.status), report, filled=order.filled_quantity, quantity=order.quantity)
    if status == OrderStatus.OPEN and order.status in NEVER_WERE and _is_beside_a_live_entry(order):
        status = OrderStatus(order.status)  # its fills are booked; it has a status again when one of both has ended
    if (status, report.exchange_order_id) == (order.status, order.exchange_order_id):
        return False
    order.exchange_order_id = report.exchange_order_id
    if status != order.status:
        if order.status in NEVER_WERE:
            _make_room_for_late_birth(order)
        order.status = status
        order.not_found_at = None
        order.finished_at = None if status == OrderStatus.OPEN else now
    return True


def _is_beside_a_live_entry(order: Order) -> bool:
    """Whether it is an entry that was given up, and another one of its position is at work: two can't be."""
    entries = order.position.orders.live().filter(purpose=Order.Purpose.ENTRY)
    return order.purpose == Order.Purpose.ENTRY and entries.exists()


def _make_room_for_late_birth(order: Order) -> None:
    """An order that was proven absent is alive after all: its act may have been done again meanwhile.

    Both are real then. The key of the late one says so, and the books stay complete.
    """
    same_act = order.position.orders.real().filter(signal_key=order.signal_key).exclude(pk=order.pk)
    if same_act.exists():
        order.signal_key = f"{order.signal_key}:late:{order.pk}"[-120:]


def _watch_nakedness(order: Order, position: Position, others: Sequence[Order], *, now: datetime) -> bool:
    """Keep `naked_since` true: set while the position is open and no stop of it rests at the exchange.

    ``others``: its open stops but for ``order``. Returns whether it has changed.
    """
    before = position.naked_since
    if not before and not position.is_open:
        return False
    closing = Side.SELL if position.quantity > 0 else Side.BUY
    resting = [*others, order] if (order.type, order.status) == (OrderType.STOP, OrderStatus.OPEN) else others
    is_covered = any(stop.side == closing for stop in resting)
    if not position.is_open or is_covered:
        position.naked_since = None
    elif before is None:
        opened = position.opened_at if order.purpose == Order.Purpose.ENTRY else None
        position.naked_since = min(opened or now, now)
    if before and is_covered and order.type == OrderType.STOP:
        order.naked_seconds = max((now - before).total_seconds(), 0)
    return position.naked_since != before


def _trade_of(
    order: Order, position: Position, booked: Sequence[Fill], new: Sequence[Fill], earned: Mapping[int, Decimal]
) -> Trade:
    """Derive the trade of an order from all of its fills, those ``booked`` before and the ``new`` ones; not saved yet.

    Correct what a late fill has changed in the trades of other orders.
    """
    for order_id, change in earned.items():
        if change and order_id != order.pk:
            Trade.objects.filter(order=order_id).update(realized_pnl=F("realized_pnl") + change)
    fills = [*booked, *new]
    assert order.exchange_order_id is not None, f"order {order.pk} has fills but no id at the exchange"
    assets = {fill.commission_asset for fill in fills}
    paid_in = assets.pop() if len(assets) == 1 else ""
    known = Trade.objects.filter(order=order).first() if booked else None
    trade = known or Trade(order=order, realized_pnl=ZERO)
    trade.position = position
    trade.environment, trade.market = position.account.environment, position.account.market
    trade.symbol, trade.binance_order_id = position.symbol, order.exchange_order_id
    trade.purpose, trade.side = order.purpose, order.side
    trade.created_at = min(fill.executed_at for fill in fills)
    trade.commission_asset = paid_in or position.quote_asset
    with localcontext(EXACT):
        trade.quantity_filled = order.filled_quantity
        trade.quote_quantity = sum((fill.quote_quantity for fill in fills), ZERO)
        trade.price = (trade.quote_quantity / trade.quantity_filled).quantize(PLACES)
        trade.commission_quote = sum((fill.commission_quote for fill in fills), ZERO)
        trade.commission = sum((fill.commission for fill in fills), ZERO) if paid_in else trade.commission_quote
        trade.realized_pnl += earned[order.pk]
    return trade


def _tell(order: Order, position: Position, trade: Trade, *, now: datetime) -> None:
    is_entry = order.purpose == Order.Purpose.ENTRY
    earned = "" if is_entry else f", earned {trade.realized_pnl:.2f} {position.quote_asset}"
    message = (
        f"{order.side} {plain(trade.quantity_filled)} {position.symbol} at {plain(trade.price)}{earned}: {order.reason}"
    )
    data = {"trade": trade.pk, "price": str(trade.price), "quantity": str(trade.quantity_filled)}
    write_event(Event.Kind.ORDER_FILLED, position, message, now=now, order=order, **data)
    if order.purpose == Order.Purpose.PROTECTION and order.status == OrderStatus.FILLED:
        hit = EVENT_OF_PROTECTION[OrderType(order.type)]
        write_event(hit, position, f"{hit.label}: {message}", now=now, order=order)
