"""What one process knows of the budget by itself: the whole of it while Redis is away."""

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic, time

MINUTE = 60
# Without Redis nobody counts for all, so each process keeps to this much: twenty may run on one address.
OWN_PERCENT = 5


@dataclass(frozen=True)
class Answer:
    """May the call be made, and how the minute stands. Moments are of `monotonic`."""

    granted: bool
    used: int
    limit: int
    window: int  # minutes since 1970, by the exchange's clock
    turns_at: float
    silent_until: float

    @property
    def is_silence(self) -> bool:
        """The exchange asked for silence: nobody may call, whatever for."""
        return monotonic() < self.silent_until

    @property
    def wait(self) -> timedelta:
        """How long what was refused has to wait."""
        until = self.silent_until if self.is_silence else self.turns_at
        return timedelta(seconds=max(until - monotonic(), 0))


@dataclass
class Own:
    """The last that this process heard, and what it has spent without Redis."""

    limit: int
    window: int = field(default_factory=lambda: int(time() // MINUTE))
    turns_at: float = field(default_factory=lambda: monotonic() + MINUTE - time() % MINUTE)
    used: int = 0
    spent_alone: int = 0
    silent_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, weight: int, share: int) -> Answer:
        """Decide without Redis. The exchange's headers tell what the others spend, as of this process's last call."""
        with self._lock:
            self._turn()
            need = max(weight, 1)  # even a call that weighs nothing is refused when nothing is left
            alone = self.limit * OWN_PERCENT // 100
            room = self.used + need <= self.limit * share // 100 and self.spent_alone + need <= alone * share // 100
            granted = room and monotonic() >= self.silent_until
            if granted:
                self.used += weight
                self.spent_alone += weight
            return Answer(granted, self.spent_alone, alone, self.window, self.turns_at, self.silent_until)

    def heard(self, answer: Answer) -> None:
        """Keep what Redis said. A silence only ever grows, and so does what is used within a minute."""
        with self._lock:
            if answer.window != self.window:
                self.used = self.spent_alone = 0
            self.used = max(self.used, answer.used)
            self.limit, self.window, self.turns_at = answer.limit, answer.window, answer.turns_at
            self.silent_until = max(self.silent_until, answer.silent_until)

    def told(self, used: int) -> bool:
        """The exchange says that so much is used this minute; True when that is more than was known."""
        with self._lock:
            news = used > self.used
            self.used = max(self.used, used)
            return news

    def be_silent(self, until: float) -> None:
        with self._lock:
            self.silent_until = max(self.silent_until, until)

    def _turn(self) -> None:
        passed = monotonic() - self.turns_at
        if passed >= 0:
            minutes = int(passed // MINUTE) + 1
            self.window += minutes
            self.turns_at += minutes * MINUTE
            self.used = self.spent_alone = 0
