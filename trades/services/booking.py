"""Step 4 of the order protocol: a report becomes fills, position, trade and news, in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Max, Min, Sum

from market.exchange.errors import ExchangeUnavailable
from market.exchange.types import FillReport, OrderReport, ReportStatus
from market.prices import last_prices
from market.rounding import plain
from market.types import Side
from trades.models import Event, Fill, Order, Position, Trade
from trades.pnl import Execution
from trades.services.events import write_event

STATUS_OF = {
    ReportStatus.OPEN: Order.Status.OPEN,
    ReportStatus.FILLED: Order.Status.FILLED,
    ReportStatus.CANCELED: Order.Status.CANCELED,
    ReportStatus.EXPIRED: Order.Status.EXPIRED,
    ReportStatus.REJECTED: Order.Status.REJECTED,
}
Rates = Mapping[str, Decimal]  # the worth of one unit of an asset, in quote asset


def record_report(order: Order, report: OrderReport, *, now: datetime) -> None:
    """Book what is new in ``report``; what is booked already changes nothing, in whatever order reports arrive.

    An order is finished only when all that the exchange executed is booked: while its fills lag behind, it stays
    where it is and is asked for again.
    """
    rates = _commission_rates(order.position, report, now=now)  # may ask the exchange, so before the transaction
    with transaction.atomic(durable=True):
        position = (
            Position.objects.select_for_update(of=("self",), no_key=True)
            .select_related("account")
            .get(pk=order.position_id)
        )
        current = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
        new = _book_new_fills(current, position, report, rates=rates)
        _follow_status(current, report, now=now)
        if new:
            trade = _save_trade(current, position)
            _tell(current, position, trade, now=now)
    order.refresh_from_db()


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
    known = set(order.fills.values_list("exchange_trade_id", flat=True))
    new = [fill for fill in report.fills if fill.exchange_trade_id not in known]
    if not new:
        return False
    if order.purpose == Order.Purpose.ENTRY and not known:
        position.round += 1
        position.opened_at = min(fill.executed_at for fill in new)
    for reported in new:
        _book_fill(order, position, reported, rates=rates)
    if order.purpose == Order.Purpose.EXIT:
        position.closed_at = max(fill.executed_at for fill in new)
    position.save()
    return True


def _book_fill(order: Order, position: Position, reported: FillReport, *, rates: Rates) -> None:
    """Save one fill and move the position (in memory) by it."""
    commission_quote = reported.commission * rates.get(reported.commission_asset, reported.price)
    takes_base = reported.commission_asset == position.base_asset
    before = position.holding
    after = before.after(
        Execution(
            side=Side(order.side),
            price=reported.price,
            quantity=reported.quantity,
            commission_quote=commission_quote,
            commission_base=reported.commission if takes_base else Decimal(0),
        )
    )
    Fill.objects.create(
        order=order,
        account=position.account,
        symbol=position.symbol,
        exchange_trade_id=reported.exchange_trade_id,
        price=reported.price,
        quantity=reported.quantity,
        quote_quantity=reported.quote_quantity,
        commission=reported.commission,
        commission_asset=reported.commission_asset,
        commission_quote=commission_quote,
        realized_pnl=after.realized_pnl - before.realized_pnl,
        executed_at=reported.executed_at,
    )
    position.quantity, position.entry_price = after.quantity, after.entry_price
    position.realized_pnl, position.fees = after.realized_pnl, after.fees
    order.filled_quantity += reported.quantity


def _follow_status(order: Order, report: OrderReport, *, now: datetime) -> None:
    """Take over the exchange's status, once the books hold all that it executed."""
    status = STATUS_OF[report.status]
    order.exchange_order_id = report.exchange_order_id
    complete = order.filled_quantity >= report.executed_quantity
    if complete and status != order.status and order.may_become(status):
        order.status = status
        order.not_found_at = None
        order.finished_at = None if status == Order.Status.OPEN else now
    order.save()


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
    earned = f", earned {trade.realized_pnl:.2f} {position.quote_asset}" if order.purpose == Order.Purpose.EXIT else ""
    message = (
        f"{order.side} {plain(trade.quantity_filled)} {position.symbol} at {plain(trade.price)}{earned}: {order.reason}"
    )
    data = {"trade": trade.pk, "price": str(trade.price), "quantity": str(trade.quantity_filled)}
    write_event(Event.Kind.ORDER_FILLED, position, message, now=now, order=order, **data)
