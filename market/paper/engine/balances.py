"""Free and locked amounts of every account. Nothing here ever goes below zero."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from market.paper.engine.effects import Effects
from market.paper.engine.types import ZERO, Balance, Rejected

INSUFFICIENT = "Account has insufficient balance for requested action."


class Balances:
    """The purse of the exchange: every movement says which account, which asset, and lands in the effects."""

    def __init__(self) -> None:
        self._held: dict[int, dict[str, Balance]] = {}

    def restore(self, balances: Iterable[Balance]) -> None:
        """Take over what the ledger remembers."""
        for balance in balances:
            self._held.setdefault(balance.account_id, {})[balance.asset] = balance

    def of(self, account_id: int, asset: str) -> Balance:
        """The balance in one asset; zero when the account never held it."""
        found = self._held.get(account_id, {}).get(asset)
        return found or Balance(account_id, asset, ZERO, ZERO)

    def all_of(self, account_id: int) -> list[Balance]:
        """Every balance the account ever had, by asset name."""
        return sorted(self._held.get(account_id, {}).values(), key=lambda balance: balance.asset)

    def require_free(self, account_id: int, asset: str, amount: Decimal) -> None:
        """Raise -2010 when less than ``amount`` is free."""
        if self.of(account_id, asset).free < amount:
            raise Rejected(-2010, INSUFFICIENT)

    def add(self, account_id: int, asset: str, *, free: Decimal = ZERO, locked: Decimal = ZERO, into: Effects) -> None:
        """Change a balance by the given (signed) amounts."""
        old = self.of(account_id, asset)
        new = Balance(account_id, asset, old.free + free, old.locked + locked)
        if new.free < 0 or new.locked < 0:
            raise AssertionError(f"a bug would leave {new}")
        self._held.setdefault(account_id, {})[asset] = new
        into.balances.append(new)
