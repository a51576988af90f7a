"""Who else is in a symbol of an account: bots and the hand, each with a position of its own.

On futures the exchange knows no such difference: it nets them, and all of them trade at one leverage and margin type.
"""

from django.db.models import Exists, OuterRef, Q, QuerySet

from trades.models import Order, Position


def neighbours(position: Position) -> QuerySet[Position]:
    """The other positions of its account and symbol."""
    return Position.objects.filter(account=position.account_id, symbol=position.symbol).exclude(pk=position.pk)


def is_busy() -> Q:
    """The condition for positions that hold something, or have an order that may still change what they hold."""
    return ~Q(quantity=0) | Q(Exists(Order.objects.live().filter(position=OuterRef("pk"))))


def is_a_bots(position: Position) -> bool:
    """Whether a bot trades the symbol on this account, or still holds it. We know bots only by the name of the row."""
    of_bots = neighbours(position).filter(by_hand=False)
    return of_bots.filter(Q(bot__isnull=False) | is_busy()).exists()
