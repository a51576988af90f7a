"""What the lists of positions, and of what happened to them, have in common."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from market.admin.base import sees_all
from market.admin.filters import named_bots
from market.admin.long import LongAdmin
from market.admin.text import NOTHING
from market.models import ExchangeAccount
from trades.models import Position

SYMBOLS_OFFERED = 300
POSITIONS_OF_A_FEW = 1000


def symbols(request: HttpRequest) -> list[tuple[str, str]]:
    """The symbols that somebody traded; positions are far fewer than orders or trades."""
    positions = Position.objects.all() if sees_all(request) else Position.objects.filter(account__owner=request.user.pk)
    names = positions.order_by("symbol").values_list("symbol", flat=True).distinct()[:SYMBOLS_OFFERED]
    return [(name, name) for name in names]


def owned(account: ExchangeAccount) -> tuple[str, str]:
    """Whose account, and which: accounts of different people may have one name."""
    return str(account.owner), str(account)


class OfPositions(LongAdmin):
    """Rows of positions. Of who has only a few positions they are found by these, not by looking through all rows."""

    def owned_by(self, user: Any) -> Q:
        positions = Position.objects.filter(account__owner=user).values_list("pk", flat=True)
        few = list(positions[: POSITIONS_OF_A_FEW + 1])
        return Q(position__in=few) if len(few) <= POSITIONS_OF_A_FEW else super().owned_by(user)


by_bot = named_bots("position", lambda name: Position.objects.filter(bot__name__icontains=name))


def bot_of(position: Position) -> str:
    """The name of the bot that it belongs to."""
    bot = getattr(position, "bot", None)
    return str(bot) if bot else "by hand" if position.by_hand else NOTHING
