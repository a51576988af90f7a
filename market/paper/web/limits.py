"""Binance's two meters: request weight per IP and minute, unfilled orders per account and window. And its bans."""

from __future__ import annotations

from market.paper.web import errors
from market.paper.web.errors import ApiError

MS_PER_MINUTE = 60_000
MAKER_FILL_CREDIT, TAKER_FILL_CREDIT = 5, 1
# How often an IP may come again in a minute in which it was told 429. Binance does not say; several clients behind one
# address may each have a request on its way.
PATIENCE = 20
SHORTEST_BAN_MS = 2 * MS_PER_MINUTE
LONGEST_BAN_MS = 3 * 24 * 60 * MS_PER_MINUTE


class WeightMeter:
    """Request weight per IP in the current minute, and bans of those who do not listen. A limit of 0 only counts."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._minute = 0
        self._used: dict[str, int] = {}
        self._refused: dict[str, int] = {}
        # ip -> until when, and how long that was
        self._bans: dict[str, tuple[int, int]] = {}

    def require_room(self, ip: str, now_ms: int) -> None:
        """Raise 429 with Retry-After when this minute's weight is used up, 418 when the IP is banned.

        The request is then not executed. Bans begin at two minutes and double, up to three days.
        """
        if not self.limit:
            return
        self.require_no_ban(ip, now_ms)
        if self.used(ip, now_ms) < self.limit:
            return
        self._refused[ip] = refused = self._refused.get(ip, 0) + 1
        if refused <= PATIENCE:
            wait_seconds = _seconds(MS_PER_MINUTE - now_ms % MS_PER_MINUTE)
            raise errors.too_much_weight(self.limit, wait_seconds=wait_seconds)
        _, length_ms = self._bans.get(ip, (0, 0))
        length_ms = min(2 * length_ms or SHORTEST_BAN_MS, LONGEST_BAN_MS)
        self._bans[ip] = now_ms + length_ms, length_ms
        raise errors.banned(now_ms + length_ms, wait_seconds=_seconds(length_ms))

    def require_no_ban(self, ip: str, now_ms: int) -> None:
        """Raise 418 when the IP is banned."""
        until_ms, _ = self._bans.get(ip, (0, 0))
        if now_ms < until_ms:
            raise errors.banned(until_ms, wait_seconds=_seconds(until_ms - now_ms))

    def add(self, ip: str, weight: int, now_ms: int) -> int:
        """Count a request; return what the IP has used this minute."""
        self._used[ip] = used = self.used(ip, now_ms) + weight
        return used

    def used(self, ip: str, now_ms: int) -> int:
        """Weight the IP has used this minute."""
        # A call that had to wait may be of the minute before: it does not turn the clock back.
        if now_ms // MS_PER_MINUTE > self._minute:
            self._minute = now_ms // MS_PER_MINUTE
            self._used.clear()
            self._refused.clear()
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
            raise self.refusal(_seconds(self._window_ms - now_ms % self._window_ms))

    def refusal(self, wait_seconds: int) -> ApiError:
        """What an account is told that has placed too many."""
        return errors.too_many_orders(self._limit, self._label, wait_seconds=wait_seconds)

    def add(self, account_id: int, change: int, now_ms: int) -> None:
        """Count a placement (+1) or give something back for a fill; never below zero."""
        count = self.count(account_id, now_ms)
        if now_ms // self._window_ms == self._window:  # what is of an older window counts no more
            self._counts[account_id] = max(0, count + change)

    def count(self, account_id: int, now_ms: int) -> int:
        """The account's unfilled orders in this window."""
        if now_ms // self._window_ms > self._window:
            self._window = now_ms // self._window_ms
            self._counts.clear()
        return self._counts.get(account_id, 0)


def _seconds(duration_ms: int) -> int:
    """Whole seconds, rounded up."""
    return -(-duration_ms // 1000)
