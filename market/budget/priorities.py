"""Who goes first when request weight gets scarce."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum


class Priority(IntEnum):
    """What a piece of work is for; the higher, the more urgent."""

    PORTFOLIOS = 0
    BACKTESTS = 1
    LOOKS = 2
    WARM_UP = 3
    ENTRIES = 4
    RECONCILIATION = 5
    PROTECTION = 6
    EXITS = 7


# A class may spend while less than this percentage of the minute's weight is used, by whomever.
SHARES = {
    Priority.PORTFOLIOS: 25,  # copies of balances to look at: what is not read now is read in some minutes
    Priority.BACKTESTS: 30,  # they take what they get, and wait for the next minute
    Priority.LOOKS: 40,  # what people ask for: nothing that trades may miss it
    Priority.WARM_UP: 50,  # a last good copy is there, and the next round comes soon
    Priority.ENTRIES: 70,  # a missed entry costs a chance, not money
    Priority.RECONCILIATION: 80,  # an order in doubt ties up money, but a minute later the answer is the same
    Priority.PROTECTION: 90,  # a stop that can't be placed, or found, becomes an exit: room for that one is left
    Priority.EXITS: 100,  # getting out is what the last of the weight is kept for
}

# Work that nobody has named may not touch what is kept for exits, and must not fail as early as a warm-up does. That
# an exit is never taken for unnamed work is seen to where orders leave: submit_order names each by its purpose.
_priority = ContextVar("priority", default=Priority.ENTRIES)


@contextmanager
def spending_as(priority: Priority) -> Iterator[None]:
    """Let the calls of this block, or of the function that it decorates, count as this; the innermost one holds."""
    before = _priority.set(priority)
    try:
        yield
    finally:
        _priority.reset(before)


def current_priority() -> Priority:
    """What the calls of this moment are for."""
    return _priority.get()
