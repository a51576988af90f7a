"""Prices to walk a bot along, recorded and random, minute by minute; and the exchange at which its protections rest."""

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from bots.decide import protection_plan
from bots.exits import ExitSettings, Step, better_price
from bots.protection import Resting
from bots.situation import MarketView, Setup, Standing
from bots.tests.test_decide import LONG, QUIET, SETUP
from market.rules import rules_of
from market.tests.factories import NOON, futures_entry
from market.types import Side, moment_of

DATA = Path(__file__).parent / "data"
CRASH, OUTAGE = "2021-05-19", "2023-03-24"
MINUTE = timedelta(minutes=1)
FUTURES_RULES = rules_of(futures_entry())
LENGTH = 240  # minutes of a walk


@dataclass(frozen=True)
class Tick:
    """What a tick sees: the price in quote asset when a minute has closed."""

    at: datetime
    price: Decimal


@cache
def recorded(day: str) -> Sequence[Tick]:
    """The closes of a recorded day; a missing minute is missing."""
    with gzip.open(DATA / f"btc_1m_{day}.csv.gz", "rt") as file:
        return [
            Tick(moment_of(int(row["open_time_ms"])) + MINUTE, Decimal(row["close"])) for row in csv.DictReader(file)
        ]


def random_walk(seed: int, *, step_percent: float, jump_percent: float) -> Sequence[Tick]:
    """Small steps, and a jump in one of a hundred minutes."""
    dice, price, ticks = Random(seed), 50_000.0, []
    for minute in range(LENGTH):
        ticks.append(Tick(NOON + minute * MINUTE, Decimal(f"{price:.2f}")))
        spread = jump_percent if dice.random() < 0.01 else step_percent
        price = max(price * (1 + dice.gauss(0, spread) / 100), 1.0)
    return ticks


def grid_walk(seed: int) -> Sequence[Tick]:
    """Quarters of a percent from the first price, so that levels of whole percents are met exactly."""
    dice = Random(seed)
    gains = [0, *(dice.randint(-20, 20) for _ in range(LENGTH))]
    return [Tick(NOON + minute * MINUTE, 50_000 * (1 + Decimal(gain) / 400)) for minute, gain in enumerate(gains)]


def _cut(day: str, start: int) -> Sequence[Tick]:
    return recorded(day)[start : start + LENGTH]


recorded_walks = st.builds(_cut, st.sampled_from([CRASH, OUTAGE]), st.integers(0, 1_200))
random_walks = st.builds(
    random_walk,
    st.integers(0, 10**6),
    step_percent=st.sampled_from([0.01, 0.1, 1.0]),
    jump_percent=st.sampled_from([0.0, 5.0, 30.0]),
)
walks = st.one_of(recorded_walks, random_walks, st.builds(grid_walk, st.integers(0, 10**6)))
percents = st.none() | st.decimals(min_value="0.05", max_value=9, places=2) | st.integers(1, 5).map(Decimal)
STEPS = tuple(Step(Decimal(gain), Decimal(50)) for gain in (1, 2))
exit_settings = st.builds(ExitSettings, percents, percents, percents, percents, st.sampled_from([(), (), (), STEPS]))


@dataclass(frozen=True)
class Held:
    """A position that was opened at the first price of a walk, and its bot."""

    setup: Setup
    ticks: Sequence[Tick]
    side: Side
    quantity: Decimal  # signed

    @property
    def entry_price(self) -> Decimal:
        return self.ticks[0].price

    def walk(self) -> Iterator[tuple[Tick, MarketView, Standing]]:
        """The market and the standing of each minute after the first; the best price moves as ticks move it."""
        rules = FUTURES_RULES if self.setup.futures else QUIET.rules
        best = self.entry_price
        for tick in self.ticks[1:]:
            market = replace(QUIET, price=tick.price, rules=rules, candle_close_at=tick.at)
            standing = replace(
                LONG,
                quantity=self.quantity,
                entry_price=self.entry_price,
                best_price=best,
                opened_at=self.ticks[0].at,
            )
            yield tick, market, standing
            best = better_price(best, tick.price, self.side)


def _held(exits: ExitSettings, ticks: Sequence[Tick], side: Side, futures: bool, lots: int) -> Held:
    futures = futures or side is Side.SELL
    step = FUTURES_RULES.lot_size if futures else QUIET.rules.lot_size
    dust = 0 if futures else step / 3
    setup = replace(SETUP, exits=exits, futures=futures)
    return Held(setup, ticks, side, side.sign * (100 + lots) * step + dust)


held_positions = st.builds(
    _held, exit_settings, walks, st.sampled_from(Side), futures=st.booleans(), lots=st.integers(0, 500)
)


def reached(held: Held, prices: Sequence[Decimal]) -> bool:
    """Whether the last of the prices since the entry is at or beyond a stop or the last target; by gains alone."""
    exits, sign, entry, price = held.setup.exits, held.side.sign, held.entry_price, prices[-1]
    best = (max if sign > 0 else min)(entry, *prices)
    gain, best_gain, fall = (price - entry) * sign * 100, (best - entry) * sign * 100, (best - price) * sign * 100
    stopped = exits.stop_loss_percent is not None and gain <= -exits.stop_loss_percent * entry
    trailed = exits.trailing_stop_percent is not None and fall >= exits.trailing_stop_percent * best
    even = exits.break_even_percent is not None and best_gain >= exits.break_even_percent * entry and gain <= 0
    targets = [step.gain_percent for step in exits.steps] or [exits.take_profit_percent]
    return stopped or trailed or even or (targets[-1] is not None and gain >= targets[-1] * entry)


class Shelf:
    """What rests at the exchange for one bot: does what the plan says, at once and without fault."""

    def __init__(self) -> None:
        self.resting: tuple[Resting, ...] = ()
        self._next = 1

    def follow(self, setup: Setup, market: MarketView, standing: Standing) -> Standing:
        """Cancel and place what the plan says; the standing with what rests then."""
        plan = protection_plan(setup, market.rules, replace(standing, resting=self.resting))
        kept = [order for order in self.resting if order.order_id not in plan.cancel]
        side = (Side.BUY if standing.quantity > 0 else Side.SELL).opposite
        for leg in plan.place:
            for is_stop, price in ((True, leg.stop), (False, leg.target)):
                if price is not None:
                    kept.append(Resting(self._next, leg.number, is_stop, leg.quantity, price, side))
                    self._next += 1
        self.resting = tuple(kept)
        return replace(standing, resting=self.resting)

    @property
    def stops(self) -> dict[int, Decimal]:
        """The price of the stop of each leg, by its number."""
        return {order.leg: order.price for order in self.resting if order.is_stop}
