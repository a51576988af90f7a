"""What a command changed, as immutable snapshots: the engine emits them, the ledger persists them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from market.paper.engine.types import Account, Balance, Deposit, Fill, Order


@dataclass(slots=True)
class Effects:
    """Everything one command (or one price) changed. The last snapshot of a thing is the true one."""

    accounts: list[Account] = field(default_factory=list)
    deposits: list[Deposit] = field(default_factory=list)
    balances: list[Balance] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """True when there is something to persist."""
        return bool(self.orders or self.balances or self.fills or self.accounts or self.deposits or self.settings)

    def order_is_now(self, order: Order) -> None:
        """Remember the order as it is at this moment; later changes do not reach the snapshot."""
        self.orders.append(replace(order))

    def extend(self, other: Effects) -> None:
        """Append what happened later."""
        self.accounts += other.accounts
        self.deposits += other.deposits
        self.balances += other.balances
        self.orders += other.orders
        self.fills += other.fills
        self.settings.update(other.settings)
