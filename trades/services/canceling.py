"""Canceling what a person has ordered by hand."""

from datetime import datetime

from django.contrib.auth.models import User

from market.access import visible
from market.exchange import gateway_for
from market.exchange.errors import ExchangeError, NotConfigured
from market.exchange.gateway import Gateway
from market.fields import SecretUnreadable
from market.patience import patiently
from market.types import moving
from trades.lifecycle import SENT
from trades.metrics import count_outcome
from trades.models import Order
from trades.services.orders import cancel_order


class NotByHand(Exception):
    """The order is a bot's: its bot is steered instead, and cancels it."""


class CantBeCanceled(Exception):
    """There is nothing to cancel, or nobody could tell the exchange."""


def cancel_by_hand(order_id: int, *, by: User, now: datetime) -> tuple[Order, str]:
    """Cancel an order by hand; return it as it is then, and in words what is in the way while that is not clear.

    The wish is written down first, and the exchange is asked for as long as somebody waits for us (`market.patience`).
    What has no clear outcome by then, or has not been answered to yet, the sweep cancels as soon as it finds it open.
    Raises Order.DoesNotExist for one that ``by`` does not see, NotByHand, CantBeCanceled.
    """
    clock = moving(now)
    orders = Order.objects.select_related("position__account")
    order = visible(orders, by, owner="account__owner").get(pk=order_id)
    if not order.position.by_hand:
        raise NotByHand(f"order {order.pk} is a bot's: steer its bot")
    if order.status == Order.Status.INTENDED:
        if order.move(Order.Status.CANCELED, finished_at=now, error=f"taken back by {by} before it was sent"[:300]):
            count_outcome(order, Order.Status.CANCELED)
            return order, ""
        order.refresh_from_db(fields=["status"])  # it was sent just now, or somebody else has taken it back
    gateway = _gateway_of(order) if order.status in SENT else None
    # Whatever has become of it since it was read.
    if not Order.objects.filter(pk=order.pk, status__in=SENT).update(cancel_requested_at=now):
        order.refresh_from_db(fields=["status"])
        raise CantBeCanceled(f"order {order.pk} is {order.status} already")
    if gateway is None or order.status != Order.Status.OPEN:
        order.refresh_from_db()
        return order, "it was sent, and has no answer yet: it is canceled as soon as it is found open"
    detail = _try(order, gateway, now=clock())
    order.refresh_from_db()
    return order, detail


def _gateway_of(order: Order) -> Gateway:
    """Raises CantBeCanceled: what nobody could carry out is not promised."""
    try:
        return gateway_for(order.position.account)
    except (NotConfigured, SecretUnreadable) as error:
        raise CantBeCanceled(f"order {order.pk}: {error}") from error


def _try(order: Order, gateway: Gateway, *, now: datetime) -> str:
    """Have it canceled while there is patience; return what is in the way."""
    try:
        with patiently():
            error: ExchangeError | None = cancel_order(order, gateway=gateway, now=now)
    except ExchangeError as trouble:
        error = trouble
    return str(error or "")
