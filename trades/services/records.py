"""Step 4 of the order protocol: a report becomes fills, position, trade and news, in one transaction."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Max, Min, Sum

from market.exchange.errors import ExchangeUnavailable
from market.exchange.types import OrderReport, OrderType
from market.prices import last_prices
from market.rounding import plain
from market.types import Side
from trades.booking import Booked, Rates, book_fills, status_after
from trades.lifecycle import NEVER_WERE, OrderStatus
from trades.models import Event, Fill, Order, Position, Trade
from trades.services.events import write_event

EVENT_OF_PROTECTION = {OrderType.STOP: Event.Kind.STOP_HIT, OrderType.TARGET: Event.Kind.TARGET_HIT}


def record_report(order: Order, report: OrderReport, *, now: datetime) -> None:
    """Book what is new in ``report``; what is booked already changes nothing, in whatever order reports arrive.

    ``order`` is brought up to date. Raises ExchangeUnavailable while a commission can't be converted.
    """
    rates = _commission_rates(order.position, report, now=now)  # may ask the exchange, so before the transaction
    with transaction.atomic(durable=True):
        position = locked_position(order.position_id)
        current = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
        current.position = position
        news = _book_new_fills(current, position, report, rates=rates)
        _follow_status(current, report, now=now)
        if _watch_nakedness(current, position, now=now) or news:
            position.save()
        if news:
            _tell(current, position, _save_trade(current, position), now=now)
    for field in ("status", "filled_quantity", "exchange_order_id", "finished_at", "not_found_at", "naked_seconds"):
        setattr(order, field, getattr(current, field))
    order.position = position


def locked_position(position_id: int) -> Position:
    """The position with its account, locked until the transaction ends.

    Of the position alone: the account's row would make all of its bots wait for each other.
    """
    locked = Position.objects.select_for_update(of=("self",), no_key=True)
    return locked.select_related("account").get(pk=position_id)


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


def _book_new_fills(order: Order, position: Position, report: OrderReport, *, rates: Rates) -> bool:
    """Book the fills that are not booked yet, under the locks of order and position. True if there was any."""
    known = set(order.fills.values_list("exchange_trade_id", flat=True)) if order.filled_quantity else set()
    booked = list(
        book_fills(position.holding, Side(order.side), report, known=known, base_asset=position.base_asset, rates=rates)
    )
    if not booked:
        return False
    moments = [item.report.executed_at for item in booked]
    if order.purpose != Order.Purpose.ENTRY:
        position.closed_at = max(moments)
    elif not known:
        position.round += 1
        position.opened_at = min(moments)
    Fill.objects.bulk_create([_fill(order, position, item) for item in booked])
    position.hold(booked[-1].holding)
    order.filled_quantity += sum((item.report.quantity for item in booked), Decimal(0))
    return True


def _fill(order: Order, position: Position, booked: Booked) -> Fill:
    reported = booked.report
    return Fill(
        order=order,
        account=position.account,
        symbol=position.symbol,
        exchange_trade_id=reported.exchange_trade_id,
        price=reported.price,
        quantity=reported.quantity,
        quote_quantity=reported.quote_quantity,
        commission=reported.commission,
        commission_asset=reported.commission_asset,
        commission_quote=booked.commission_quote,
        realized_pnl=booked.realized_pnl,
        executed_at=reported.executed_at,
    )


def _follow_status(order: Order, report: OrderReport, *, now: datetime) -> None:
    """Take over the exchange's status, once the books hold all that it executed."""
    order.exchange_order_id = report.exchange_order_id
    status = status_after(OrderStatus(order.status), report, filled=order.filled_quantity)
    if status != order.status:
        if order.status in NEVER_WERE:
            _make_room_for_late_birth(order)
        order.status = status
        order.not_found_at = None
        order.finished_at = None if status == OrderStatus.OPEN else now
    order.save()


def _make_room_for_late_birth(order: Order) -> None:
    """An order that was proven absent is alive after all: its act may have been done again meanwhile.

    Both are real then. The key of the late one says so, and the books stay complete.
    """
    same_act = order.position.orders.real().filter(signal_key=order.signal_key).exclude(pk=order.pk)
    if same_act.exists():
        order.signal_key = f"{order.signal_key}:late:{order.pk}"[-120:]


def _watch_nakedness(order: Order, position: Position, *, now: datetime) -> bool:
    """Keep `naked_since` true: set while the position is open and no stop of it rests at the exchange.

    Returns whether it has changed.
    """
    before = position.naked_since
    closing = Side.SELL if position.quantity > 0 else Side.BUY
    stops = position.orders.filter(type=OrderType.STOP, side=closing.value, status=OrderStatus.OPEN)
    is_covered = stops.exists()
    if not position.is_open or is_covered:
        position.naked_since = None
    elif before is None:
        opened = position.opened_at if order.purpose == Order.Purpose.ENTRY else None
        position.naked_since = min(opened or now, now)
    if before and is_covered and order.type == OrderType.STOP:
        order.naked_seconds = max((now - before).total_seconds(), 0)
        order.save(update_fields=["naked_seconds"])
    return position.naked_since != before


def _save_trade(order: Order, position: Position) -> Trade:
    """Derive the trade of an order from all of its fills."""
    total = order.fills.aggregate(
        quantity=Sum("quantity"),
        quote=Sum("quote_quantity"),
        commission=Sum("commission"),
        commission_quote=Sum("commission_quote"),
        realized_pnl=Sum("realized_pnl"),
        first_at=Min("executed_at"),
        assets=Count("commission_asset", distinct=True),
        asset=Max("commission_asset"),
    )
    single = total["assets"] == 1
    assert order.exchange_order_id is not None, f"order {order.pk} has fills but no id at the exchange"
    trade, _ = Trade.objects.update_or_create(
        order=order,
        defaults={
            "position": position,
            "environment": position.account.environment,
            "market": position.account.market,
            "symbol": position.symbol,
            "binance_order_id": order.exchange_order_id,
            "purpose": order.purpose,
            "side": order.side,
            "price": total["quote"] / total["quantity"],
            "quantity_filled": total["quantity"],
            "quote_quantity": total["quote"],
            "commission": total["commission"] if single else total["commission_quote"],
            "commission_asset": total["asset"] if single else position.quote_asset,
            "commission_quote": total["commission_quote"],
            "realized_pnl": total["realized_pnl"],
            "created_at": total["first_at"],
        },
    )
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
