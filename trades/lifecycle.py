"""The whole life of an order at a glance (../shared/spec/order-protocol.md). Plain Python."""

from enum import StrEnum


class OrderStatus(StrEnum):
    INTENDED = "intended"  # written down, not yet sent
    SUBMITTED = "submitted"  # handed to the exchange, no answer yet
    UNKNOWN = "unknown"  # no trustworthy answer; reconciliation asks by client id
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    ABSENT = "absent"  # proven never to have reached the exchange


class OrderPurpose(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"
    PROTECTION = "protection"  # rests at the exchange and closes the position when its price is reached


SIGNAL_EXIT = "signal"  # the kind of exit that a strategy wants, in its key
REDUCTION = "reduce"  # how the key begins of an exit that sells a part of the position, as a strategy wants

_S = OrderStatus

LIVE = (_S.INTENDED, _S.SUBMITTED, _S.UNKNOWN, _S.OPEN)
IN_DOUBT = (_S.SUBMITTED, _S.UNKNOWN)
SENT = (*IN_DOUBT, _S.OPEN)  # the exchange has been told of it, and can be asked
NEVER_WERE = (_S.REJECTED, _S.ABSENT)  # a clear no: the same act may be tried again
CUT_SHORT = (_S.CANCELED, _S.EXPIRED)  # ended by the exchange or by us, perhaps with a part filled
RARE_ENDS = (*NEVER_WERE, *CUT_SHORT)  # beside a million that were filled

_ENDS = (_S.FILLED, *CUT_SHORT, *NEVER_WERE)
MOVES: set[tuple[OrderStatus, OrderStatus]] = {
    (_S.INTENDED, _S.SUBMITTED),
    (_S.INTENDED, _S.CANCELED),  # never sent: too old, or the bot was stopped meanwhile
    (_S.SUBMITTED, _S.UNKNOWN),
    *((doubt, end) for doubt in IN_DOUBT for end in (_S.OPEN, *_ENDS)),
    *((_S.OPEN, end) for end in (_S.FILLED, *CUT_SHORT, _S.REJECTED)),  # rejected: a conditional one, when triggered
    # The odd turns.
    (_S.CANCELED, _S.FILLED),  # the cancel lost the race
    *((_S.ABSENT, birth) for birth in (_S.OPEN, _S.FILLED, *CUT_SHORT)),  # a late birth
}


def may_become(current: OrderStatus, status: OrderStatus) -> bool:
    return (current, status) in MOVES


def in_the_way_of(purpose: OrderPurpose) -> tuple[OrderStatus, ...]:
    """The statuses in which a protection keeps an order of this purpose from being sent on spot.

    The exchange lets both sell, if other bots of the account have coins to sell. What only reduces is in nobody's way.
    """
    return LIVE if purpose == OrderPurpose.EXIT else IN_DOUBT
