"""How far a viewer has got. A mark is the `id:` of every message, and what comes back as Last-Event-ID.

It is signed, so that whoever makes one up costs no statement: only what we have written ourselves is looked for.
"""

import re
from dataclasses import astuple, dataclass
from datetime import timedelta

from django.utils.crypto import constant_time_compare, salted_hmac

# After that a viewer loads everything anew: what has happened since is no less work, and the newest is what counts.
TOO_OLD = timedelta(minutes=10)
_FORM = re.compile(r"([0-9a-f]{1,16}(?:-[0-9a-f]{1,16}){4})-([0-9a-f]{20})")


@dataclass(frozen=True)
class Mark:
    """Everything was told that transactions below ``horizon`` wrote.

    The others bound where to look for the rest: no row of these tables that may still appear has a smaller number.
    """

    taken_at_ms: int  # the database's clock
    horizon: int  # the oldest transaction that was running
    event: int
    fill: int
    order: int

    def __str__(self) -> str:
        body = "-".join(f"{value:x}" for value in astuple(self))
        return f"{body}-{_signature(body)}"

    @classmethod
    def read(cls, text: str) -> "Mark | None":
        """The mark that was told as ``text``; None when it is not one of ours."""
        found = _FORM.fullmatch(text)
        if not found or not constant_time_compare(_signature(found[1]), found[2]):
            return None
        return cls(*(int(value, 16) for value in found[1].split("-")))

    def reaches(self, now: "Mark") -> bool:
        """Whether what has happened from here to ``now`` may be asked for."""
        age_ms = now.taken_at_ms - self.taken_at_ms
        # Beyond our horizon: of a database that was set back since.
        return age_ms <= TOO_OLD.total_seconds() * 1000 and self.horizon <= now.horizon


def _signature(body: str) -> str:
    return salted_hmac("tradebot_site.event_stream.marks", body, algorithm="sha256").hexdigest()[:20]
