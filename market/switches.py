"""The kill switch as rules see it: what may be traded, and which switch says so. Plain Python."""

from dataclasses import dataclass
from enum import StrEnum


class SwitchState(StrEnum):
    """Ordered from the least to the most strict."""

    ACTIVE = "active"
    REDUCING = "reducing"  # exits only
    HALTED = "halted"  # no orders at all

    @property
    def strictness(self) -> int:
        return list(SwitchState).index(self)


class Scope(StrEnum):
    """What one switch stops, the widest first."""

    PLATFORM = "platform"
    USER = "user"
    ACCOUNT = "account"


@dataclass(frozen=True)
class Hold:
    """What may be traded on an account, and whose switch says so."""

    state: SwitchState = SwitchState.ACTIVE
    scope: Scope = Scope.ACCOUNT
    reason: str = ""

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"the {self.scope} is {self.state}{why}"


def strictest(*holds: Hold) -> Hold:
    """The one that counts; of equally strict ones the widest."""
    return max(holds, key=lambda hold: (hold.state.strictness, -list(Scope).index(hold.scope)))
