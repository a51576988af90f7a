"""The way a price takes inside one minute: open, one extreme, the other, close. A pure function of its seed and bar."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np

from market.paper.prices.recording import Ints

STEPS = 240
STEP_MS = 60_000 // STEPS

# How far the price strays from the straight way, as a part of the bar's range.
WOBBLE = 0.08


class Way(NamedTuple):
    """Prices at the ``STEPS`` steps of a minute; the mark price is the last price without its wobble."""

    last: Ints
    mark: Ints


def minute_path(seed: str, *, opened: int, high: int, low: int, close: int, tick: int) -> Way:
    """Lay the way of one minute.

    Both prices start at the open, end at the close, touch both extremes and never leave them: the candles of the one
    are the candles of the other. A rising bar goes to its low first, a falling one to its high: the usual reading of a
    bar whose inside is unknown.
    """
    dice = random.Random(seed)  # noqa: S311 - a replay must be repeatable, not secret
    first_at = dice.randrange(STEPS // 12, STEPS * 5 // 12)
    second_at = dice.randrange(first_at + STEPS // 12, STEPS * 11 // 12)
    first, second = (low, high) if close >= opened else (high, low)
    turns = [0, first_at, second_at, STEPS - 1]
    prices = [opened, first, second, close]
    straight = np.interp(np.arange(STEPS), turns, prices)
    noise = np.frombuffer(dice.randbytes(2 * STEPS), "<u2") / 32_767.5 - 1
    strayed = straight + noise * (WOBBLE * (high - low))
    last = np.clip(np.rint(strayed / tick).astype(np.int64) * tick, low, high)
    last[turns] = prices
    return Way(last, np.rint(straight).astype(np.int64))


def still(price: int) -> Way:
    """The way of a minute in which nothing moved."""
    prices = np.full(STEPS, price, dtype=np.int64)
    return Way(prices, prices)
