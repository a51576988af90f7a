"""How much of a difference between two kinds of blocks is chance."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

DRAWS = 2_000
Blocks = Sequence[Sequence[float]]


def quantile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def compared(without: Blocks, with_storm: Blocks, percent: int) -> dict[str, Any]:
    """A percentile of all blocks of each kind, and the change of it in percent.

    ``interval`` is where the change lies in 95 of 100 draws of as many pairs of neighbours (with repetition): a change
    within it, when it holds zero, may be chance. ``by_pair`` is the change from each block to the next.
    """
    pairs = list(zip(without, with_storm, strict=True))
    dice = random.Random(0)
    drawn = sorted(_change(dice.choices(pairs, k=len(pairs)), percent) for _ in range(DRAWS))
    return {
        "without": round(quantile(sum(map(list, without), []), percent), 2),  # noqa: RUF017
        "with": round(quantile(sum(map(list, with_storm), []), percent), 2),  # noqa: RUF017
        "change_percent": round(_change(pairs, percent), 1),
        "interval": [round(drawn[DRAWS * 25 // 1000], 1), round(drawn[DRAWS * 975 // 1000], 1)],
        "by_pair": [round(_change([pair], percent), 1) for pair in pairs],
    }


def _change(pairs: Sequence[tuple[Sequence[float], Sequence[float]]], percent: int) -> float:
    before = quantile([value for one, _ in pairs for value in one], percent)
    after = quantile([value for _, other in pairs for value in other], percent)
    return 100 * (after / before - 1)
