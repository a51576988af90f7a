"""Binance's two meters: request weight per IP and minute, unfilled orders per account and window."""

from __future__ import annotations

from market.paper.web.errors import ApiError

MS_PER_MINUTE = 60_000
MAKER_FILL_CREDIT = 5


class WeightMeter:
    """Request weight per IP in the current minute; a limit of 0 counts without refusing."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._minute = 0
        self._used: dict[str, int] = {}

    def require_room(self, ip: str, now_ms: int) -> None:
        """Raise 429 with Retry-After when this minute's weight is used up; the request is then not executed."""
        if self.limit and self.used(ip, now_ms) >= self.limit:
            wait = str(-(-(MS_PER_MINUTE - now_ms % MS_PER_MINUTE) // 1000))
            text = (
                f"Too much request weight used; current limit is {self.limit} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API."
            )
            raise ApiError(-1003, text, 429, {"Retry-After": wait})

    def add(self, ip: str, weight: int, now_ms: int) -> int:
        """Count a request; return what the IP has used this minute."""
        self._used[ip] = used = self.used(ip, now_ms) + weight
        return used

    def used(self, ip: str, now_ms: int) -> int:
        """Weight the IP has used this minute."""
        if now_ms // MS_PER_MINUTE != self._minute:
            self._minute = now_ms // MS_PER_MINUTE
            self._used.clear()
        return self._used.get(ip, 0)


class OrderMeter:
    """Unfilled orders per account in one window: a placement counts 1, its first fill gives 1 (maker: 5) back."""

    def __init__(self, window_ms: int, limit: int, label: str) -> None:
        self._window_ms = window_ms
        self._limit = limit
        self._label = label
        self._window = 0
        self._counts: dict[int, int] = {}

    def require_room(self, account_id: int, now_ms: int) -> None:
        """Raise 429 / -1015 when the account has placed too many orders that did not fill."""
        if self._limit and self.count(account_id, now_ms) >= self._limit:
            text = f"Too many new orders; current limit is {self._limit} orders per {self._label}."
            wait = str(-(-(self._window_ms - now_ms % self._window_ms) // 1000))
            raise ApiError(-1015, text, 429, {"Retry-After": wait})

    def add(self, account_id: int, change: int, now_ms: int) -> None:
        """Count a placement (+1) or give something back for a fill; never below zero."""
        self._counts[account_id] = max(0, self.count(account_id, now_ms) + change)

    def count(self, account_id: int, now_ms: int) -> int:
        """The account's unfilled orders in this window."""
        if now_ms // self._window_ms != self._window:
            self._window = now_ms // self._window_ms
            self._counts.clear()
        return self._counts.get(account_id, 0)
