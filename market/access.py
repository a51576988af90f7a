"""Who may see which rows, and how far a token reaches."""

from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from market.models import SEE_ALL_ROWS, SET_ALL_KEYS, ExchangeAccount

Row = TypeVar("Row", bound=Model)


class TokenScope(StrEnum):
    """How far a token reaches, within what its user may do; each includes the ones before it."""

    READ = "read"
    TRADE = "trade"  # orders, bots: what a program that trades needs
    ADMIN = "admin"  # keys, limits, releasing a kill switch: what a person should decide

    def includes(self, other: "TokenScope") -> bool:
        """Whether who has this scope has the other one, too."""
        order = list(TokenScope)
        return order.index(self) >= order.index(other)


def sees_all(user: Any) -> bool:
    """Operators, administrators and superusers see everybody's rows, others only their own."""
    return bool(user.has_perm(SEE_ALL_ROWS))


def visible(rows: QuerySet[Row], user: Any, *, owner: str = "owner") -> QuerySet[Row]:
    """The rows that the user may see; ``owner`` is the path from a row to its owner."""
    return rows if sees_all(user) else rows.filter(Q(**{owner: user.pk}))


def may_set_keys(user: Any, account: ExchangeAccount | None = None) -> bool:
    """Whether a user may give or wipe the keys of this account, or of those that are yet to be made for others."""
    is_own = account is not None and account.owner_id == user.pk
    return is_own or bool(user.has_perm(SET_ALL_KEYS))


def shown_key(user: Any, account: ExchangeAccount) -> str:
    """The end of the key for those who may set it; others see only whether there is one."""
    return account.masked_key if may_set_keys(user, account) else account.hidden_key
