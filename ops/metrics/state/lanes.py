"""One server's readings, in a thread of its own: who hangs holds up nobody else."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from django.db import DatabaseError
from redis.exceptions import RedisError

from ops.metrics.state.gauges import UP, Reading
from ops.own_connection import own_connection

logger = logging.getLogger(__name__)

Read = Callable[[datetime], Iterable[Reading]]


class Away(Exception):
    """The server does not answer, and whoever asked it has said so already."""


@dataclass(frozen=True)
class Lane:
    """What is read from one server, one after the other. If the first does not answer the others are not tried."""

    component: str
    reads: tuple[Read, ...]


class Look(threading.Thread):
    """One look at one lane."""

    def __init__(self, lane: Lane, now: datetime) -> None:
        super().__init__(name=f"metrics-{lane.component}", daemon=True)
        self.lane, self.now = lane, now
        self._found: list[Reading] = []
        self._is_away = False

    def run(self) -> None:
        with own_connection():
            for position, read in enumerate(self.lane.reads):
                found = self._try(read)
                if found is None and position == 0:
                    self._is_away = True
                    return
                self._found += found or []

    def found_by(self, deadline: float) -> list[Reading]:
        """What it has found, and whether the server answers; nothing else of one that is not done in time."""
        if self.ident is not None:
            self.join(max(deadline - monotonic(), 0))
        if self.ident is None or self.is_alive() or self._is_away:
            return [UP.at(0, self.lane.component)]
        return [UP.at(1, self.lane.component), *self._found]

    def _try(self, read: Read) -> list[Reading] | None:
        """None when it can't be read: then its gauges are absent, and no others."""
        try:
            return list(read(self.now))
        except (Away, DatabaseError, RedisError, OSError) as error:
            logger.warning("metrics: %s: %s: %s", self.lane.component, type(error).__name__, error)
        except Exception:
            logger.exception("metrics: %s can't be read", getattr(read, "__name__", read))
        return None
