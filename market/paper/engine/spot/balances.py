"""Free and locked amounts of every account. Nothing here ever goes below zero."""

from __future__ import annotations

from collections.abc import Iterable

from market.paper.engine.journal import Journal
from market.paper.engine.spot.tables import BALANCES
from market.paper.engine.spot.types import Balance
from market.paper.engine.types import Rejected

INSUFFICIENT = "Account has insufficient balance for requested action."


class Balances:
    """The purse of the exchange: every movement says which account, which asset, and lands in the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._held: dict[tuple[int, str], Balance] = {}
        self._assets: dict[int, set[str]] = {}

    def restore(self, balances: Iterable[Balance]) -> None:
        """Take over what the ledger remembers."""
        for balance in balances:
            self._keep(balance)

    def of(self, account_id: int, asset: str) -> Balance:
        """The balance in one asset; zero when the account never held it. Not to be changed by the caller."""
        return self._held.get((account_id, asset)) or Balance(account_id, asset)

    def all_of(self, account_id: int) -> list[Balance]:
        """Every balance the account ever had, by asset name."""
        return [self._held[account_id, asset] for asset in sorted(self._assets.get(account_id, ()))]

    def everything(self) -> Iterable[Balance]:
        """Every balance of every account."""
        return self._held.values()

    def require_free(self, account_id: int, asset: str, amount: int) -> None:
        """Raise -2010 when less than ``amount`` is free."""
        held = self._held.get((account_id, asset))
        if (held.free if held else 0) < amount:
            raise Rejected(-2010, INSUFFICIENT)

    def add(self, account_id: int, asset: str, free: int, locked: int = 0) -> None:
        """Change a balance by the given (signed) amounts."""
        key = (account_id, asset)
        held = self._held.get(key)
        if held is None:
            held = self._keep(Balance(account_id, asset))
        if held.free + free < 0 or held.locked + locked < 0:
            raise AssertionError(f"a bug would take {free} and {locked} from {held}")
        held.free += free
        held.locked += locked
        self._journal.put(BALANCES, key, held)

    def _keep(self, balance: Balance) -> Balance:
        self._held[balance.account_id, balance.asset] = balance
        self._assets.setdefault(balance.account_id, set()).add(balance.asset)
        return balance
