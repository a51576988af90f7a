"""Funding of perpetual futures: every eight hours longs pay shorts a recorded rate, at the mark price of the replay."""

from __future__ import annotations

from market.paper.prices.recording import MINUTES_PER_FUNDING, MS_PER_MINUTE, Ints
from market.paper.prices.tape import Tape
from market.paper.prices.types import Funding

MS_PER_FUNDING = MINUTES_PER_FUNDING * MS_PER_MINUTE


class FundingRates:
    """The fundings of one symbol. The rates repeat with the candles, a loop of whole days; history has a beginning."""

    def __init__(self, tape: Tape, rates: Ints, first_ms: int) -> None:
        self._tape = tape
        self._rates = rates
        self._first = -(-first_ms // MS_PER_FUNDING)

    def rate(self, at_ms: int) -> int:
        """The rate of the first funding at a moment or after it."""
        return self._rate(-(-at_ms // MS_PER_FUNDING))

    def history(self, now_ms: int, limit: int, start_ms: int | None, end_ms: int | None) -> list[Funding]:
        """Fundings up to a moment, oldest first: the first ones from ``start_ms`` on, else the newest."""
        first = max(self._first, -(-(start_ms or 0) // MS_PER_FUNDING))
        last = (now_ms if end_ms is None else min(now_ms, end_ms)) // MS_PER_FUNDING
        numbers = range(first, last + 1)
        numbers = numbers[-limit:] if start_ms is None else numbers[:limit]
        return [self._funding(number) for number in numbers]

    def _funding(self, number: int) -> Funding:
        mark = self._tape.opened(number * MINUTES_PER_FUNDING)
        return Funding(self._tape.symbol, self._rate(number), number * MS_PER_FUNDING, mark)

    def _rate(self, number: int) -> int:
        return int(self._rates[self._tape.recorded_row(number * MINUTES_PER_FUNDING) // MINUTES_PER_FUNDING])


def next_funding_ms(now_ms: int) -> int:
    """The first funding after a moment: 00:00, 08:00 or 16:00 UTC."""
    return (now_ms // MS_PER_FUNDING + 1) * MS_PER_FUNDING
