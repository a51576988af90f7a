"""The way a price takes inside one minute: open, one extreme, the other, close. A pure function of its seed and bar."""

from __future__ import annotations

import random

import numpy as np

from market.paper.prices.recording import Ints

STEPS = 240
STEP_MS = 60_000 // STEPS

# How far the price strays from the straight way, as a part of the bar's range.
WOBBLE = 0.08


def minute_path(seed: str, *, opened: int, high: int, low: int, close: int, tick: int) -> Ints:
    """Prices (scaled) at the ``STEPS`` steps of a minute.

    Starts at the open, ends at the close, touches both extremes and never leaves them. A rising bar goes to its low
    first, a falling one to its high: the usual reading of a bar whose inside is unknown.
    """
    dice = random.Random(seed)  # noqa: S311 - a replay must be repeatable, not secret
    first_at = dice.randrange(STEPS // 12, STEPS * 5 // 12)
    second_at = dice.randrange(first_at + STEPS // 12, STEPS * 11 // 12)
    first, second = (low, high) if close >= opened else (high, low)
    turns = [0, first_at, second_at, STEPS - 1]
    prices = [opened, first, second, close]
    straight = np.interp(np.arange(STEPS), turns, prices)
    noise = np.array([dice.uniform(-WOBBLE, WOBBLE) for _ in range(STEPS)]) * (high - low)
    path = np.clip(np.rint((straight + noise) / tick).astype(np.int64) * tick, low, high)
    path[turns] = prices
    return path
