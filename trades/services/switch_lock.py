"""What keeps a press of the kill switch and the claims of orders apart."""

import logging
from dataclasses import dataclass, field

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from market.locks import lock_until_commit

logger = logging.getLogger(__name__)

CLAIMS = 7_251_002  # any number that nothing else locks
PATIENCE_MS = 2_000
HASTE_MS = 20  # a claim takes a few


@dataclass
class Patience:
    """How long the presses of one round wait for claims. One that hangs is waited for once."""

    ms: int = field(default_factory=lambda: PATIENCE_MS)


def claims_together() -> None:
    """A claim, many at once: each sees a switch that was pressed before it, or is seen by one that is pressed after."""
    lock_until_commit(CLAIMS, shared=True)


def press_alone(patience: Patience) -> None:
    """A press: wait until the claims that have begun are committed, and let none begin before ours is.

    A worker that is frozen in the middle of a claim must not hold up a kill switch: after a while the press goes on
    without it, and what that worker still sends is withdrawn by the next sweep.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(patience.ms)])
            lock_until_commit(CLAIMS)
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        patience.ms = min(patience.ms, HASTE_MS)
        logger.warning("a claim hangs: the kill switch is pressed without waiting for it")
