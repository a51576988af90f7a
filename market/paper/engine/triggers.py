"""Prices that wake something up: stop and take-profit orders. What is woken is a key; the caller knows the rest."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator

# How many entries of keys that wait no more the heaps may hold, beside one for each that waits.
SLACK = 1000


class Triggers:
    """The trigger prices of one symbol and one kind of price (last or mark)."""

    def __init__(self) -> None:
        # key -> (rises, price, number of its entry): an entry whose number is not the key's has been taken away
        self._waiting: dict[Hashable, tuple[bool, int, int]] = {}
        self._rising: list[tuple[int, int, Hashable]] = []
        self._falling: list[tuple[int, int, Hashable]] = []
        self._number = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def __contains__(self, key: Hashable) -> bool:
        """True when the key waits."""
        return key in self._waiting

    def add(self, key: Hashable, price: int, *, rises: bool) -> None:
        """Wake ``key`` when the price rises to (or falls to) ``price``. A key waits for one price: the last given."""
        self._number += 1
        self._waiting[key] = (rises, price, self._number)
        if len(self._rising) + len(self._falling) > 2 * len(self._waiting) + SLACK:
            self._sweep()
        heapq.heappush(self._rising if rises else self._falling, (price if rises else -price, self._number, key))

    def remove(self, key: Hashable) -> None:
        """Let the key sleep on; no matter whether it waits."""
        self._waiting.pop(key, None)

    def woken_by(self, price: int) -> Iterator[Hashable]:
        """Yield the keys that a price of ``price`` wakes, and forget them: nearest trigger first, older first."""
        for heap, reached in ((self._rising, price), (self._falling, -price)):
            while heap and heap[0][0] <= reached:
                _, number, key = heapq.heappop(heap)
                waiting = self._waiting.get(key)
                if waiting is not None and waiting[2] == number:
                    del self._waiting[key]
                    yield key

    def _sweep(self) -> None:
        """Drop the entries of keys that have gone or wait for another price: they must not fill the memory."""
        for heap in (self._rising, self._falling):
            heap[:] = [entry for entry in heap if entry[2] in self._waiting and self._waiting[entry[2]][2] == entry[1]]
            heapq.heapify(heap)
