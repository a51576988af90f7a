"""The exchange's clock. It may run faster than the real one; it never goes back, not even over a restart."""

from __future__ import annotations

import time

MS_PER_SECOND = 1000
NS_PER_MS = 1_000_000


class Clock:
    """At real moment ``anchor[0]`` this clock shows ``anchor[1]``, and from there it runs ``speed`` times as fast.

    ``anchor`` None: it shows the real time now. Both moments are milliseconds since the epoch.
    """

    def __init__(self, speed: int = 1, anchor: tuple[int, int] | None = None) -> None:
        now_ms = self.real_ms()
        self.speed = speed
        self.anchor = anchor or (now_ms, now_ms)
        self._latest_ms = 0

    @classmethod
    def resumed(cls, speed: int, stood_ms: int) -> Clock:
        """A clock that goes on at ``stood_ms``, the last moment anything happened at; at the real time if later.

        An exchange at speed 1000 does not leap ahead while it is down.
        """
        now_ms = cls.real_ms()
        return cls(speed, (now_ms, max(now_ms, stood_ms)))

    @staticmethod
    def real_ms() -> int:
        """The time of this machine, for what has to do with the world outside."""
        return time.time_ns() // NS_PER_MS

    @property
    def is_ahead(self) -> bool:
        """True when it shows, or may come to show, a later time than the world's."""
        return self.speed > 1 or self.anchor[1] > self.anchor[0]

    def now_ms(self) -> int:
        """The exchange's time. While the machine's clock is set back, it stands still."""
        real_ms, exchange_ms = self.anchor
        now_ms = exchange_ms + (time.time_ns() - real_ms * NS_PER_MS) * self.speed // NS_PER_MS
        if now_ms > self._latest_ms:
            self._latest_ms = now_ms
        return self._latest_ms

    def seconds_until(self, moment_ms: int) -> float:
        """How many real seconds to sleep until the exchange's clock shows a moment; 0 when it is past."""
        return max(0, moment_ms - self.now_ms()) / (MS_PER_SECOND * self.speed)
