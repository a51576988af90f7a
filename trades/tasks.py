"""Trade tasks: thin faces of the services."""

from decimal import Decimal
from typing import Any

from celery import Task, shared_task
from django.contrib.auth import get_user_model
from django.utils import timezone

from market.budget import Priority, spending_as
from market.models import ExchangeAccount
from market.rounding import plain
from market.types import OrderType, Side
from trades import services
from trades.models import Order, Trade
from trades.transfers import TOO_OLD_TO_SEND


class OrderRefused(Exception):
    """The exchange said no to an order by hand."""


@shared_task
@spending_as(Priority.RECONCILIATION)
def reconcile_orders() -> None:
    """Ask about orders in doubt (../shared/spec/order-protocol.md), and keep what is halted without entries."""
    services.withdraw_halted(now=timezone.now())
    services.reconcile_orders(now=timezone.now())


@shared_task
@spending_as(Priority.RECONCILIATION)
def book_fundings() -> int:
    """Book what was paid for holding futures, and look whether the exchange still holds what we believe."""
    return services.watch_futures(now=timezone.now())


@shared_task
@spending_as(Priority.RECONCILIATION)
def reconcile_accounts(everything: bool = False) -> dict[int, list[str]]:
    """Compare whole accounts with their exchange: nightly all, else those that need it; what differs, by account."""
    return services.reconcile_accounts(services.to_reconcile(everything=everything), now=timezone.now())


@shared_task(bind=True, ignore_result=False)
def execute_trade_async(
    self: Task,
    user_id: int,
    account_id: int,
    symbol: str,
    side: str,
    quantity: str,
    order_type: str = "market",
    price: str | None = None,
) -> dict[str, Any]:
    """Place one order by hand (features A1, A2). Amounts are texts. Raises OrderDenied (ours) or OrderRefused.

    The task's id is the key of the act, so a message that is delivered twice trades once.
    """
    wanted = services.HandOrder(
        symbol.upper(),
        Side(side.upper()),
        Decimal(quantity),
        OrderType(order_type.lower()),
        None if price is None else Decimal(price),
    )
    user = get_user_model().objects.get(pk=user_id)
    account = ExchangeAccount.objects.get(pk=account_id)
    order = services.place_order(user, account, wanted, key=str(self.request.id), now=timezone.now())
    if order.status == order.Status.REJECTED:
        raise OrderRefused(order.error)
    return _result(order)


def _result(order: Order) -> dict[str, Any]:
    """What the caller gets to see of an order by hand; without a trade while nothing of it is filled."""
    trade = Trade.objects.filter(order=order).first()
    return {
        "order_id": order.pk,
        "order_status": order.status,
        "trade_id": trade.pk if trade else None,
        "executed_price": plain(trade.price) if trade else None,
        "executed_quantity": plain(order.filled_quantity),
    }


@shared_task(expires=TOO_OLD_TO_SEND.total_seconds())
def transfer_between_wallets(transfer_id: int) -> str:
    """Send a transfer that is written down (`services.request_transfer`), once however often this is delivered."""
    return services.send_transfer(transfer_id, now=timezone.now()).status


@shared_task
def reconcile_transfers() -> None:
    """Look for transfers in doubt in the exchange's history; send or drop what was left behind."""
    services.reconcile_transfers(now=timezone.now())
