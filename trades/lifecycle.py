"""The whole life of an order at a glance (../shared/spec/order-protocol.md)."""

from django.db import models


class OrderStatus(models.TextChoices):
    INTENDED = "intended"  # written down, not yet sent
    SUBMITTED = "submitted"  # handed to the exchange, no answer yet
    UNKNOWN = "unknown"  # no trustworthy answer; reconciliation asks by client id
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    ABSENT = "absent"  # proven never to have reached the exchange


_S = OrderStatus

LIVE = (_S.INTENDED, _S.SUBMITTED, _S.UNKNOWN, _S.OPEN)
IN_DOUBT = (_S.SUBMITTED, _S.UNKNOWN)
NEVER_WERE = (_S.REJECTED, _S.ABSENT)  # a clear no: the same act may be tried again
CUT_SHORT = (_S.CANCELED, _S.EXPIRED)  # ended by the exchange or by us, perhaps with a part filled

_ENDS = (_S.FILLED, *CUT_SHORT, *NEVER_WERE)
MOVES: set[tuple[OrderStatus, OrderStatus]] = {
    (_S.INTENDED, _S.SUBMITTED),
    (_S.INTENDED, _S.CANCELED),  # never sent: too old, or the bot was stopped meanwhile
    (_S.SUBMITTED, _S.UNKNOWN),
    *((doubt, end) for doubt in IN_DOUBT for end in (_S.OPEN, *_ENDS)),
    *((_S.OPEN, end) for end in (_S.FILLED, *CUT_SHORT)),
    # The odd turns.
    (_S.CANCELED, _S.FILLED),  # the cancel lost the race
    *((_S.ABSENT, birth) for birth in (_S.OPEN, _S.FILLED, *CUT_SHORT)),  # a late birth
}
