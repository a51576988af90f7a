"""Canceling what a person has ordered by hand."""

from datetime import datetime

from django.contrib.auth.models import User

from market.access import visible
from market.exchange import gateway_for
from market.exchange.errors import ExchangeError, NotConfigured
from market.fields import SecretUnreadable
from market.types import moving
from trades.lifecycle import IN_DOUBT
from trades.models import Order
from trades.services.orders import cancel_order


class NotByHand(Exception):
    """The order is a bot's: its bot is steered instead, and cancels it."""


class CantBeCanceled(Exception):
    """There is nothing to cancel, or nobody knows yet whether there is."""


def cancel_by_hand(order_id: int, *, by: User, now: datetime) -> tuple[Order, ExchangeError | None]:
    """Cancel an order by hand; return it as it is then, with the bad news while the outcome is not clear.

    The wish is written down first: what the exchange does not answer to, the sweep tries again. Raises
    Order.DoesNotExist for one that ``by`` does not see, NotByHand, CantBeCanceled.
    """
    clock = moving(now)
    orders = Order.objects.select_related("position__account")
    order = visible(orders, by, owner="account__owner").get(pk=order_id)
    if not order.position.by_hand:
        raise NotByHand(f"order {order.pk} is a bot's: steer its bot")
    if order.status == Order.Status.INTENDED:
        order.move(Order.Status.CANCELED, finished_at=now, error=f"taken back by {by} before it was sent"[:300])
        order.refresh_from_db()  # perhaps it was sent just now
        return order, None
    if order.status in IN_DOUBT:
        raise CantBeCanceled(f"order {order.pk} was sent, and has no answer yet: try again in some seconds")
    if order.status != Order.Status.OPEN:
        raise CantBeCanceled(f"order {order.pk} is {order.status} already")
    try:
        error = cancel_order(order, gateway=gateway_for(order.position.account), now=clock())
    except (NotConfigured, SecretUnreadable) as trouble:
        raise CantBeCanceled(f"order {order.pk}: {trouble}") from trouble
    except ExchangeError as trouble:
        error = trouble
    order.refresh_from_db()
    return order, error
