"""What failed for good: kept by workers, requeued or discarded by operators.

keeping.py    writes it down, for a worker that must neither fail nor wait because of it; market/redaction.py: no secret
policy.py     which tasks may run twice
settling.py   requeue, discard, drop what is old
deaths.py     how often a message has killed the process that worked on it
"""

from ops.dead_letters.deaths import count_death
from ops.dead_letters.keeping import Failure, keep
from ops.dead_letters.settling import (
    NotSettled,
    Seen,
    discard,
    drop_old_letters,
    requeue,
    why_not_discard,
    why_not_requeue,
)

__all__ = [
    "Failure",
    "NotSettled",
    "Seen",
    "count_death",
    "discard",
    "drop_old_letters",
    "keep",
    "requeue",
    "why_not_discard",
    "why_not_requeue",
]
