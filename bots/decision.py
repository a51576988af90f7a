"""What a bot decides: a status with its reason, and the order that it asks for. Plain Python."""

from dataclasses import dataclass
from decimal import Decimal

from bots.types import STATUS_OF, Reason, Status
from market.types import Side
from trades.checks import Denial


@dataclass(frozen=True)
class Act:
    """The order that a decision asks for."""

    is_entry: bool
    side: Side
    quantity: Decimal
    key: str  # entry, and exit of a part: the candle; exit: its kind
    adds: bool = False  # an entry into a position that is open
    reduces: bool = False  # an exit of a part, as the strategy wants


@dataclass(frozen=True)
class Decision:
    reason: Reason
    text: str
    act: Act | None = None
    status: Status = Status.RUNNING
    denial: Denial | None = None  # the limit behind the reason, if it is one
    protects: bool = False  # what rests at the exchange is not what should rest there, or something is to be asked
    agrees: bool = False  # leverage and margin type are to be set at the exchange
    turns: bool = False  # the signal that ends the position asks for one the other way

    @property
    def has_work(self) -> bool:
        """Whether the bot has to run, and not only to say something."""
        return bool(self.act) or self.protects or self.agrees

    @classmethod
    def because(cls, reason: Reason, text: str, denial: Denial | None = None) -> "Decision":
        """No order; the status that goes with the reason."""
        return cls(reason, text, status=STATUS_OF[reason], denial=denial)
