"""What a BNB is worth: spot fees may be paid in it, whether or not it is traded here."""

from __future__ import annotations

from market.paper.prices.recording import MINUTES_PER_HOUR, MS_PER_MINUTE, Recording
from market.paper.prices.tape import Anchor


class BnbRate:
    """The close of the last recorded hour that is over, in the same loop as the prices."""

    def __init__(self, recording: Recording, anchor: Anchor) -> None:
        self._closes = recording.bnb_closes
        self._length = recording.length
        self._shift = anchor.shift(recording)

    def price(self, now_ms: int) -> int | None:
        """USDT for a BNB, or None when that is not recorded."""
        if self._closes is None:
            return None
        row = (now_ms // MS_PER_MINUTE + self._shift) % self._length
        return int(self._closes[row // MINUTES_PER_HOUR - 1])
