"""How positions ended that were closed."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

FEW_CLOSED = 4  # of fewer closed positions a share says nothing
ZERO = Decimal(0)


@dataclass(frozen=True)
class Outcomes:
    """How positions ended that were closed, in quote asset. One that brought nothing is neither won nor lost."""

    closed: int = 0
    won: int = 0
    lost: int = 0
    gross_profit: Decimal = ZERO
    gross_loss: Decimal = ZERO  # negative
    best: Decimal | None = None
    worst: Decimal | None = None
    longest_losing_streak: int = 0

    @classmethod
    def of(cls, results: Iterable[Decimal | float]) -> "Outcomes":
        """Of the net P&L of each closed position, in the order in which they were closed."""
        exact = [Decimal(result) for result in results]
        wins, losses = [pnl for pnl in exact if pnl > 0], [pnl for pnl in exact if pnl < 0]
        streaks = (len(list(same)) for lost, same in groupby(exact, key=lambda pnl: pnl < 0) if lost)
        return cls(
            len(exact),
            len(wins),
            len(losses),
            sum(wins, ZERO),
            sum(losses, ZERO),
            max(exact, default=None),
            min(exact, default=None),
            max(streaks, default=0),
        )

    @property
    def win_rate_percent(self) -> Decimal | None:
        return Decimal(100 * self.won) / self.closed if self.closed >= FEW_CLOSED else None

    @property
    def average_win(self) -> Decimal | None:
        return self.gross_profit / self.won if self.won else None

    @property
    def average_loss(self) -> Decimal | None:
        """Negative."""
        return self.gross_loss / self.lost if self.lost else None

    @property
    def profit_factor(self) -> Decimal | None:
        """Gross profit by gross loss; None without a loss."""
        return self.gross_profit / -self.gross_loss if self.closed >= FEW_CLOSED and self.lost else None

    @property
    def expectancy(self) -> Decimal | None:
        """What a closed position brought on the average."""
        return (self.gross_profit + self.gross_loss) / self.closed if self.closed >= FEW_CLOSED else None
