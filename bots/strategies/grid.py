"""Grid: buy a lot where the price falls across a level, sell one where it rises across the next, between two prices.

Each candle acts on the furthest level that its close has crossed, unless that is the level that was crossed last: a
price that dances on one level neither buys nor sells there. So a lot that was bought at a level is sold at the next.
"""

import numpy as np
from numpy.typing import NDArray

from bots.sizing import FEE
from bots.strategies.base import Parameter, Parameters, Reading, Signal, Strategy
from bots.strategies.lines import Line, reading
from market.types import Candles

PARAMETERS = (
    Parameter("lower", float, 90_000, "The lowest level, a price in quote asset.", minimum=1e-8, maximum=1e9),
    Parameter("upper", float, 100_000, "The highest level, a price in quote asset.", minimum=1e-8, maximum=1e9),
    Parameter("levels", int, 21, "How many levels there are, with the lowest and the highest.", minimum=2, maximum=200),
    Parameter(
        "spacing",
        str,
        "arithmetic",
        "From level to level the same price difference, or the same percentage.",
        choices=("arithmetic", "geometric"),
    ),
    Parameter(
        "memory_candles",
        int,
        240,
        "A crossing that is more candles ago is forgotten: its level is traded at again.",
        minimum=2,
        maximum=900,
    ),
)
# What a level has to be above the one before it so that a sale there pays the fees of both orders, in percent.
LEAST_PERCENT = 100 * (1 / (1 - float(FEE)) ** 2 - 1)
PLACES = 12  # significant digits of a level: a round one is exactly the price that is written the same


def candles_needed(parameters: Parameters) -> int:
    """The oldest crossing that counts, and the close before it."""
    return int(parameters["memory_candles"]) + 2


def levels_of(parameters: Parameters) -> Line:
    """The prices of all levels, the lowest first."""
    spaced = np.geomspace if parameters["spacing"] == "geometric" else np.linspace
    prices = spaced(parameters["lower"], parameters["upper"], parameters["levels"])
    return np.array([float(f"{price:.{PLACES}g}") for price in prices])


def cross_check(parameters: Parameters) -> str | None:
    lower, upper, count = parameters["lower"], parameters["upper"], parameters["levels"]
    if lower >= upper:
        return f"lower: {lower:g} must be below upper {upper:g}."
    levels = levels_of(parameters)
    closest = 100 * float(np.min(levels[1:] / levels[:-1] - 1))
    if closest <= LEAST_PERCENT:
        return (
            f"levels: {count} levels from {lower:g} to {upper:g} come as close to each other as {closest:.4f} percent,"
            f" which must be above the {LEAST_PERCENT:.4f} percent that a purchase and its sale cost in fees."
        )
    return None


def places(close: Line, levels: Line) -> NDArray[np.int64]:
    """How many levels each close has reached: 0 below the range, all of them above it."""
    return np.searchsorted(levels, close, side="right")


def crossings(close: Line, levels: Line, memory: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """The candles that cross a level which was not crossed last; its number, from 0; and whether they rise."""
    place, known = places(close, levels), np.isfinite(close)
    moved = np.flatnonzero((place[1:] != place[:-1]) & known[1:] & known[:-1]) + 1
    rises = place[moved] > place[moved - 1]
    furthest = place[moved] - rises
    is_again = np.zeros(len(moved), dtype=np.bool_)
    is_again[1:] = (furthest[1:] == furthest[:-1]) & (np.diff(moved) <= memory)
    return moved[~is_again], furthest[~is_again], rises[~is_again]


def read(candles: Candles, parameters: Parameters) -> Reading:
    close, levels = candles.close, levels_of(parameters)
    candle, level, rises = crossings(close, levels, parameters["memory_candles"])

    signals = np.zeros(len(close), dtype=np.int8)
    # What is bought at the highest level could be sold at none, and at the lowest nothing is left to be sold.
    signals[candle[~rises & (level < len(levels) - 1)]] = Signal.ENTER_LONG
    signals[candle[rises & (level > 0)]] = Signal.REDUCE_LONG

    place = int(places(close[-1:], levels)[0])
    around = {"level_below": levels[:place][-1:], "level_above": levels[place:][:1]}
    lines = {"close": close} | {name: line for name, line in around.items() if line.size}
    crossed = f"{levels[level[-1]]:.8g}" if len(level) else ""
    news = {
        Signal.NOTHING: "no new level is crossed",
        Signal.ENTER_LONG: f"fallen below {crossed}",
        Signal.REDUCE_LONG: f"risen to {crossed} or more",
    }
    return reading(signals, lines, _where(place, len(levels)), news)


def _where(place: int, count: int) -> str:
    """A format of where the close is among so many levels."""
    if place == 0:
        return "close {close:.8g} below the lowest level {level_above:.8g}"
    if place == count:
        return "close {close:.8g} not below the highest level {level_below:.8g}"
    return "close {close:.8g} between the levels {level_below:.8g} and {level_above:.8g}"


STRATEGY = Strategy(
    "grid", "Grid: buy low, sell a level higher", PARAMETERS, candles_needed, read, cross_check, adds=True
)
