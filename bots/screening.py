"""Which bots of a tick have nothing to do, found on arrays of all of them. Plain Python.

`bots.decide` is the rule; this is a sieve before it. Of a bot that it lets go it knows the very status and reason that
`decide` would give, and that there is no order, no protection and no question in it. Whatever is not certain (a price
within a billionth of a stop, a bound that a float can't tell) stays in the sieve, and `decide` looks at it exactly.
`bots/tests/test_screening.py` holds the two against each other.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bots.protection import LEAST_MOVE_PERCENT
from bots.situation import Wish
from bots.types import STATUS_OF, Reason, Status
from market.switches import SwitchState
from trades.checks.market import SIGNAL_VALID_FOR
from trades.liquidation import ROOM

Rows = NDArray[Any]  # structured
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]

WISHES = tuple(Wish)
STATUSES, REASONS = tuple(Status), tuple(Reason)
SWITCHES = tuple(SwitchState)
# How near to a bound, as a part of it, a float can't be trusted to tell the side.
DOUBT = 1e-9
# The same for a number of steps, which may be a billion.
DOUBT_OF_STEPS = 1e-6
LEAST_MOVE = float(LEAST_MOVE_PERCENT) / 100
MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1) // MICROSECOND


def _fields(kind: str, names: str) -> list[tuple[str, str]]:
    return [(name, kind) for name in names.split()]


# What is known of each bot: `services.fleet` reads it. Moments as `market.columns` has them, amounts as floats, NaN for
# what is not set (-1 for a count); wish, status, reason and lockout by their places in the tuples above.
BOT = np.dtype(
    _fields("i8", "bot account_id position_id recipe changed_at opened_at closed_at")
    + _fields("i4", "part wish status reason lockout round cooldown_minutes max_daily_trades revision")
    + _fields("f8", "quantity entry_price best_price capital max_daily_loss daily_target")
    + _fields("f8", "stop_loss take_profit trailing break_even liquidation_price")
    + _fields("?", "exits_when_stopped has_steps terms_agreed liquidation_asked best_known entries_paused")
)
# What rests at the exchange for its position, zeros for nothing. ``live``: what is not finished; ``orders``: with it
# the targets that were reached in this round. ``odd``: more than one stop and one target that simply rest.
# ``within``: no more than is held.
RESTING = np.dtype(
    _fields("i4", "live orders stops targets")
    + _fields("f8", "stop_price stop_quantity target_price target_quantity")
    + _fields("?", "odd within")
)
# What its day has come to, where that may matter.
DAY = np.dtype(_fields("i8", "trades") + _fields("f8", "pnl"))
# Of each part of a tick: its series' price and rules, or the place of the reason why those can't be read.
PART = np.dtype(
    _fields("f8", "price tick step origin minimum maximum min_notional max_notional")
    + _fields("i8", "candle_close_at unreadable")
    + _fields("?", "futures is_simple")
)
# Of each strategy with its parameters on a part's series.
READING = np.dtype(
    _fields("i8", "left_long_at left_short_at trouble") + _fields("?", "enters_long enters_short reduces_long adds")
)
# Of each account; ``unreachable`` is the place of a reason.
ACCOUNT = np.dtype(_fields("i8", "hold unreachable") + _fields("?", "cooling key_error reconciled"))


def code(status: Status, reason: Reason) -> int:
    """One number for a status with its reason."""
    return STATUSES.index(status) * 100 + REASONS.index(reason)


def code_of(reason: Reason) -> int:
    """The code of a reason with the status that goes with it."""
    return code(STATUS_OF[reason], reason)


class Source(IntEnum):
    """Whose sentence tells of a bot's status: all of the same source and code say the same."""

    OWN = 0  # the bot's
    HELD = 1  # the bot's, made of what it holds
    ACCOUNT = 2
    READING = 3
    PART = 4


CODES = np.array([code_of(reason) for reason in REASONS])  # by the index of the reason
RUNNING, STOPPED = code_of(Reason.NONE), code(Status.STOPPED, Reason.NONE)
RUN, STOP, FLATTEN = (WISHES.index(wish) for wish in (Wish.RUN, Wish.STOP, Wish.FLATTEN))
ACTIVE, HALTED = SWITCHES.index(SwitchState.ACTIVE), SWITCHES.index(SwitchState.HALTED)


@dataclass(frozen=True)
class Sieve:
    """The bots of some parts, with what they are held against: a row of each array for each bot."""

    bots: Rows
    resting: Rows
    days: Rows
    parts: Rows
    readings: Rows
    accounts: Rows
    now: int  # microseconds, as `market.columns` counts
    least_liquidation_percent: float


@dataclass(frozen=True)
class Sifted:
    """What came of it, an entry for each bot."""

    unsure: Flags  # `decide` has to look
    codes: Codes  # of the others: status and reason
    sources: Codes
    news: Flags  # of the others: those whose status or reason is another one than before
    better: Flags  # of all: the best price of a position's round is another one than is known


def sift(sieve: Sieve) -> Sifted:
    """Part the bots that have nothing to do from those that `decide` has to look at."""
    bots, accounts, parts = sieve.bots, sieve.accounts, sieve.parts
    flat, held = _holdings(sieve)
    side = np.sign(bots["quantity"])
    of_flat, of_held = _flat(sieve), _held(sieve, side)
    codes, sources, unsure = (np.where(held, *pair) for pair in zip(of_held, of_flat, strict=True))
    unsure = unsure | ~(flat | held)
    # What rests on a halted account stays.
    is_halted = (accounts["hold"] == HALTED) & (bots["wish"] == RUN)
    is_asked = flat | (held & (bots["liquidation_asked"] | accounts["cooling"]))
    for where, code_there, source, unsure_there in (
        (is_halted, code_of(Reason.KILL_SWITCH), Source.ACCOUNT, ~is_asked),
        (accounts["unreachable"] > 0, CODES[accounts["unreachable"]], Source.ACCOUNT, False),
        (parts["unreadable"] > 0, CODES[parts["unreadable"]], Source.PART, False),
    ):
        codes, sources = np.where(where, code_there, codes), np.where(where, source, sources)
        unsure = np.where(where, unsure_there, unsure)
    news = ~unsure & (codes != bots["status"].astype(np.int64) * 100 + bots["reason"])
    unsure = unsure | (news & (sources == Source.OWN))
    may_hold = ~flat & (parts["futures"] | (side > 0)) & (parts["unreadable"] == 0)
    is_better = (parts["price"] - bots["best_price"]) * side > 0
    return Sifted(unsure, codes, sources, news & ~unsure, may_hold & (is_better | ~bots["best_known"]))


def _holdings(sieve: Sieve) -> tuple[Flags, Flags]:
    """Which positions are flat, or dust, and which are not: `Rules.tradable` and `side_held`."""
    size, parts = np.abs(sieve.bots["quantity"]), sieve.parts
    least = np.where(parts["futures"], parts["minimum"], np.maximum(parts["minimum"], parts["step"]))
    flat = (size == 0) | (size < least * (1 - DOUBT))
    is_whole = size > (parts["minimum"] + parts["step"]) * (1 + DOUBT)
    return flat, is_whole & (parts["futures"] | (sieve.bots["quantity"] > 0))


def _flat(sieve: Sieve) -> tuple[Codes, Codes, Flags]:
    """`decide` of bots that hold nothing: codes, sources, and where it has to look."""
    bots, accounts, readings, parts = sieve.bots, sieve.accounts, sieve.readings, sieve.parts
    breach, breach_unsure = _breaches(sieve)
    enters = readings["enters_long"] | (readings["enters_short"] & parts["futures"])
    pause = bots["cooldown_minutes"].astype(np.int64) * MINUTE
    is_cooling_down = (pause > 0) & (sieve.now < bots["closed_at"] + pause)
    unknown = -1
    chain: list[tuple[Flags, Any, Source]] = [
        (bots["wish"] != RUN, STOPPED, Source.ACCOUNT),
        (accounts["hold"] != ACTIVE, code_of(Reason.KILL_SWITCH), Source.ACCOUNT),
        (bots["entries_paused"], code_of(Reason.ENTRIES_PAUSED), Source.ACCOUNT),
        (bots["lockout"] > 0, CODES[bots["lockout"]], Source.OWN),
        (accounts["cooling"], code_of(Reason.EXCHANGE_COOLDOWN), Source.ACCOUNT),
        (accounts["key_error"], code_of(Reason.NO_PERMISSION), Source.ACCOUNT),
        (~accounts["reconciled"], code_of(Reason.NOT_RECONCILED), Source.ACCOUNT),
        (breach_unsure, unknown, Source.OWN),
        (breach > 0, CODES[breach], Source.OWN),
        (is_cooling_down, code_of(Reason.COOLING_DOWN), Source.OWN),
        (parts["futures"] & ~bots["terms_agreed"], unknown, Source.OWN),
        (readings["trouble"] > 0, CODES[readings["trouble"]], Source.READING),
        (enters & _is_fresh(sieve), unknown, Source.OWN),
    ]
    where = [condition for condition, _, _ in chain]
    codes = np.select(where, [found for _, found, _ in chain], code_of(Reason.NO_SIGNAL))
    sources = np.select(where, [source for _, _, source in chain], Source.READING)
    # An order that is not finished: it may be in doubt, or have outlived its position.
    return codes, sources, (codes == unknown) | (sieve.resting["live"] > 0)


def _is_fresh(sieve: Sieve) -> Flags:
    """Whether the signal may still be acted on."""
    return sieve.now - sieve.parts["candle_close_at"] <= SIGNAL_VALID_FOR // MICROSECOND


def _breaches(sieve: Sieve) -> tuple[Codes, Flags]:
    """Which limit of the day forbids an entry, as the index of its reason; and where a float can't tell."""
    bots, days = sieve.bots, sieve.days
    trades = (bots["max_daily_trades"] >= 0) & (days["trades"] >= bots["max_daily_trades"])
    loss = -bots["capital"] * bots["max_daily_loss"] / 100
    target = bots["capital"] * bots["daily_target"] / 100
    doubt = DOUBT * np.maximum(bots["capital"], 1)
    unsure = ~trades & ((np.abs(days["pnl"] - loss) <= doubt) | (np.abs(days["pnl"] - target) <= doubt))
    reasons = (Reason.MAX_DAILY_TRADES, Reason.MAX_DAILY_LOSS, Reason.DAILY_TARGET)
    found = np.select(
        [trades, days["pnl"] <= loss, days["pnl"] >= target], [REASONS.index(reason) for reason in reasons], 0
    )
    return found, unsure


def _held(sieve: Sieve, side: NDArray[np.float64]) -> tuple[Codes, Codes, Flags]:
    """The same of bots that hold something and may go on doing so."""
    bots, readings, parts = sieve.bots, sieve.readings, sieve.parts
    wish, is_long = bots["wish"], side > 0
    watches = (wish == RUN) | ((wish == STOP) & bots["exits_when_stopped"])
    best, price = bots["best_price"], parts["price"]
    better = np.where(is_long, np.maximum(best, price), np.minimum(best, price))
    stop, has_stop, in_doubt = _stop_level(sieve, side, better)
    due = _near(price - stop, side, price) & has_stop
    target = bots["entry_price"] * (1 + side * bots["take_profit"] / 100)
    due |= _near(target - price, side, price) & ~np.isnan(target)
    due |= in_doubt | (parts["futures"] & _liquidation_is_near(sieve, side))
    left_at = np.where(is_long, readings["left_long_at"], readings["left_short_at"])
    due |= (wish == RUN) & (left_at > bots["opened_at"])
    is_asked = bots["liquidation_asked"] | sieve.accounts["cooling"]
    resting = _protections_fit(sieve, side, _stop_level(sieve, side, best), target)
    fits = np.where(watches, resting, sieve.resting["orders"] == 0)
    # `_asks_for_more` and `_asks_for_less`: the fresh signal may add to the position, or sell a part of it.
    enters = np.where(is_long, readings["enters_long"], readings["enters_short"]) & readings["adds"]
    asks = (enters | (readings["reduces_long"] & is_long)) & _is_fresh(sieve)
    unsure = (watches & due) | ((wish == RUN) & asks) | (wish == FLATTEN) | ~fits
    unsure |= bots["has_steps"] | (parts["futures"] & ~is_asked)
    is_blind = (wish == RUN) & (readings["trouble"] > 0)
    codes = np.where(is_blind, CODES[readings["trouble"]], np.where(wish == RUN, RUNNING, STOPPED))
    return codes, np.where(is_blind, Source.READING, Source.HELD), unsure


def _near(distance: NDArray[np.float64], side: NDArray[np.float64], price: NDArray[np.float64]) -> Flags:
    """Whether a level that lies ``distance`` away is reached, or might be."""
    return ~(distance * side > DOUBT * price)


def _stop_level(
    sieve: Sieve, side: NDArray[np.float64], best: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Flags, Flags]:
    """The tightest stop in force, whether there is one, and where a float can't tell: `tightest_stop`."""
    bots = sieve.bots
    entry = bots["entry_price"]
    from_gain = entry * (1 + side * bots["break_even"] / 100)
    # With NaN, where it is not set, every comparison is false.
    is_even, even_unsure = (best - from_gain) * side >= 0, np.abs(best - from_gain) <= DOUBT * entry
    levels = np.stack(
        [
            entry * (1 - side * bots["stop_loss"] / 100),
            best * (1 - side * bots["trailing"] / 100),
            np.where(is_even, entry, np.nan),
        ]
    )
    tightest = np.fmax.reduce(levels * side, axis=0)
    has_stop = ~np.isnan(tightest)
    tightest = np.where(has_stop, tightest * side, 0.0)
    return tightest, has_stop, even_unsure


def _liquidation_is_near(sieve: Sieve, side: NDArray[np.float64]) -> Flags:
    """Whether a liquidation is reached or might come before the stop: `_liquidation` of `decide`."""
    bots = sieve.bots
    liquidation, price, entry = bots["liquidation_price"], sieve.parts["price"], bots["entry_price"]
    stops = np.stack([np.where(bots[name] > 0, bots[name], np.inf) for name in ("stop_loss", "trailing")]).min(axis=0)
    needed = np.where(np.isinf(stops), sieve.least_liquidation_percent / float(ROOM), stops)
    is_far = (entry - liquidation) * side * 100 > needed * entry * (1 + DOUBT)
    is_near = _near(price - liquidation, side, price) | ~is_far
    return is_near & ~np.isnan(liquidation)


def _protections_fit(
    sieve: Sieve,
    side: NDArray[np.float64],
    level: tuple[NDArray[np.float64], Flags, Flags],
    target: NDArray[np.float64],
) -> Flags:
    """Whether what rests is surely what should rest, one stop and one target for the whole position: `plan`."""
    resting, parts, (stop, has_stop, unsure) = sieve.resting, sieve.parts, level
    has_target = ~np.isnan(target)
    wants_none = ~has_stop & ~has_target
    fits = ~resting["odd"] & (resting["stops"] == has_stop) & (resting["targets"] == has_target)
    fits &= ~has_stop | (_prices_fit(stop, resting["stop_price"], parts["tick"], side, moves=True))
    fits &= ~has_target | (_prices_fit(target, resting["target_price"], parts["tick"], side, moves=False))
    for has, name in ((has_stop, "stop_quantity"), (has_target, "target_quantity")):
        fits &= ~has | _is_whole(sieve, resting[name])
    fits &= resting["within"] & parts["is_simple"] & _passes_filters(sieve, stop, has_stop, target)
    return np.where(wants_none, resting["orders"] == 0, fits) & ~unsure


def _prices_fit(
    wanted: NDArray[np.float64], have: NDArray[np.float64], tick: NDArray[np.float64], side: Any, *, moves: bool
) -> Flags:
    """`_fits` of a price that is rounded down to the tick, whichever way a doubtful one is rounded."""
    fits = np.ones(len(wanted), dtype=bool)
    for doubt in (-DOUBT_OF_STEPS, DOUBT_OF_STEPS):
        rounded = np.floor(wanted / tick + doubt) * tick
        better = (rounded - have) * side
        near = np.abs(better) < tick / 2
        if moves:
            near |= (better > 0) & (better < have * LEAST_MOVE * (1 - DOUBT))
        fits &= near & (rounded > 0)
    return fits


def _is_whole(sieve: Sieve, quantity: NDArray[np.float64]) -> Flags:
    """Whether ``quantity``, which is surely no more than what is held, is all of it that can be traded."""
    parts = sieve.parts
    size, step = np.abs(sieve.bots["quantity"]), parts["step"]
    steps = (quantity - parts["origin"]) / step
    on_step = np.abs(steps - np.round(steps)) < DOUBT_OF_STEPS
    return on_step & (size - quantity < step * (1 - DOUBT_OF_STEPS)) & (size < parts["maximum"] * (1 - DOUBT))


def _passes_filters(sieve: Sieve, stop: NDArray[np.float64], has_stop: Flags, target: NDArray[np.float64]) -> Flags:
    """Whether the exchange surely takes a sale of the whole at the lowest of the prices: else nothing would rest."""
    parts, entry = sieve.parts, sieve.bots["entry_price"]
    lowest = np.fmin(np.where(has_stop, np.minimum(stop, entry), entry), target)
    size, slack = np.abs(sieve.bots["quantity"]), parts["tick"]
    least = (size - parts["step"]) * (lowest - slack)
    fits = parts["futures"] | (least > parts["min_notional"] * (1 + DOUBT))
    return fits & (size * lowest < parts["max_notional"] * (1 - DOUBT))
