"""What the lists of positions, and of what happened to them, have in common."""

from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from market.access import visible
from market.admin.filters import named_bots
from market.admin.long import LongAdmin
from market.admin.text import NOTHING
from market.models import ExchangeAccount
from market.planning import among_few
from trades.models import Position

SYMBOLS_OFFERED = 300


def symbols(request: HttpRequest) -> list[tuple[str, str]]:
    """The symbols that somebody traded; positions are far fewer than orders or trades."""
    positions = visible(Position.objects.all(), request.user, owner="account__owner")
    names = positions.order_by("symbol").values_list("symbol", flat=True).distinct()[:SYMBOLS_OFFERED]
    return [(name, name) for name in names]


def owned(account: ExchangeAccount) -> tuple[str, str]:
    """Whose account, and which: accounts of different people may have one name."""
    return str(account.owner), str(account)


def through_positions(path: str, of_position: str = "") -> Callable[[Any], Q]:
    """How rows of positions are compared at ``path``: what it leads to, ``of_position`` leads to from their position.

    Without it the path is the same, whether it begins at the position or not.
    """
    of_position = of_position or path.removeprefix("position__")

    def condition(value: Any) -> Q:
        return among_few("position", Position.objects.filter(**{of_position: value}), Q(**{path: value}))

    return condition


class OfPositions(LongAdmin):
    """Rows of positions. Of who has only a few positions they are found by these, not by looking through all rows."""

    def owned_by(self, user: Any) -> Q:
        return through_positions(self.owner_path)(user)


def named(name: str) -> QuerySet[Position]:
    """The positions of bots with this in their name."""
    return Position.objects.filter(bot__name__icontains=name)


by_bot = named_bots("position", named, owner="account__owner")


def bot_of(position: Position) -> str:
    """The name of the bot that it belongs to."""
    bot = getattr(position, "bot", None)
    return str(bot) if bot else "by hand" if position.by_hand else NOTHING
