"""How often an IP may connect: 300 times in five minutes of real time."""

from __future__ import annotations

from market.paper.web.errors import ApiError

MOST_ATTEMPTS = 300
WINDOW_SECONDS = 300


class Attempts:
    """Connections by IP in the present window. ``limit`` 0: as many as they like."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._window = 0
        self._made: dict[str, int] = {}

    def count(self, ip: str, now: float) -> None:
        """Count an attempt at ``now`` seconds; raise 429 / -1034 when there were too many."""
        window = int(now) // WINDOW_SECONDS
        if window != self._window:
            self._window = window
            self._made.clear()
        self._made[ip] = self._made.get(ip, 0) + 1
        if 0 < self._limit < self._made[ip]:
            text = f"Too many connection attempts from IP; current limit is {self._limit} per '5 MINUTE'."
            raise ApiError(-1034, text, 429, {"Retry-After": str(WINDOW_SECONDS - int(now) % WINDOW_SECONDS)})
