"""Laws that hold for any candles, signals and settings."""

from dataclasses import astuple
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.backtest import Bounds
from bots.backtest.tape import Tape
from bots.backtest.walk import Walk
from bots.exits import ExitSettings, Step
from bots.limits import Limits
from bots.sizing import Mode, Sizing
from bots.strategies import Signal
from bots.tests.backtest.trials import NOON_MS, trial_of
from market.exchange.types import MarginBracket
from market.types import INTERVALS, Candles, Side

LENGTH = 400
PERCENTS = st.none() | st.decimals(min_value="0.05", max_value=6, places=2) | st.integers(1, 3).map(Decimal)
STEPS = tuple(Step(Decimal(gain), Decimal(share)) for gain, share in ((1, 50), (2, 30), (4, 20)))
EXITS = st.builds(ExitSettings, PERCENTS, PERCENTS, PERCENTS, PERCENTS, st.sampled_from([(), (), STEPS]))
LIMITS = st.builds(
    Limits,
    st.none() | st.integers(1, 5),
    st.none() | st.integers(1, 3).map(Decimal),
    st.none() | st.integers(1, 3).map(Decimal),
    st.none() | st.integers(2, 8).map(Decimal),
    st.none() | st.integers(1, 4),
)
SIZINGS = st.sampled_from(
    [
        Sizing(Mode.BASE, Decimal("0.01")),
        Sizing(Mode.PERCENT, Decimal(30)),
        Sizing(Mode.PERCENT, Decimal(100)),
        Sizing(Mode.QUOTE, Decimal("5.3")),  # too small, or just too small to be protected
        Sizing(Mode.QUOTE, Decimal(400)),
    ]
)


@st.composite
def walks(draw, interval="1m"):
    """A walk of a price from one seed: small steps and jumps, gaps at the open, missing candles, frequent signals."""
    dice = np.random.default_rng(draw(st.integers(0, 10**6)))
    step = draw(st.sampled_from([0.0002, 0.002, 0.01]))
    chatter = draw(st.sampled_from([0.02, 0.2, 0.9]))
    close = 50_000 * np.exp(np.cumsum(dice.normal(0, step, LENGTH)))
    opened = np.concatenate((close[:1], close[:-1])) * np.exp(dice.normal(0, step / 3, LENGTH))
    high = np.maximum(opened, close) * (1 + np.abs(dice.normal(0, step / 2, LENGTH)))
    low = np.minimum(opened, close) * (1 - np.abs(dice.normal(0, step / 2, LENGTH)))
    signals = dice.choice(list(Signal), LENGTH) * (dice.random(LENGTH) < chatter)
    spans = np.ones(LENGTH, dtype=np.int64)
    spans[dice.random(LENGTH) < draw(st.sampled_from([0.0, 0.02]))] = 4
    interval_ms = int(INTERVALS[interval].total_seconds() * 1000)
    times = NOON_MS // interval_ms * interval_ms + np.cumsum(spans) * interval_ms
    prices = [np.round(line, 2) for line in (opened, high, low, close)]
    return Candles(times, *prices, 10.0 + signals)


@st.composite
def trials(draw):
    futures = draw(st.booleans())
    interval = draw(st.sampled_from(["1m", "1m", "5m", "4h", "1d"]))
    setup = {
        "exits": draw(EXITS),
        "sizing": draw(SIZINGS),
        "limits": draw(LIMITS),
        "initial_capital": Decimal(1000),
        "cooldown_minutes": draw(st.sampled_from([0, 0, 7, 240])),
        "adds": not futures and draw(st.booleans()),
    }
    if futures:
        setup |= {"leverage": draw(st.sampled_from([1, 5, 20])), "is_isolated": draw(st.booleans())}
        setup["min_liquidation_percent"] = draw(st.sampled_from([Decimal(0), Decimal(6)]))
    trial = trial_of(
        futures=futures,
        interval=interval,
        setup=setup,
        time_zone=draw(st.sampled_from(["UTC", "Asia/Kolkata"])),
        fee_percent=draw(st.sampled_from([Decimal(0), Decimal("0.1")])),
        slippage_percent=draw(st.sampled_from([Decimal(0), Decimal("0.03")])),
        funding_percent=draw(st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("-0.02")]))
        if futures
        else Decimal(0),
        brackets=(MarginBracket(Decimal("0.004"), Decimal(0)),),
        bounds=draw(st.sampled_from([Bounds(), Bounds(Decimal(700), 20, 8, 12)])),
    )
    return trial, draw(walks(interval))


def facts(outcome):
    """All of an outcome, comparable."""
    money = [astuple(item) for item in (*outcome.fills, *outcome.rounds)]
    return money, outcome.reasons, outcome.open_position, outcome.equity.tolist(), outcome.equity_ms.tolist()


def walked(trial, candles, *, looks_always=False):
    begin_ms = int(candles.open_time_ms[20])
    return Walk(trial, Tape(trial, candles, begin_ms), looks_always=looks_always).run(lambda share: None)


@given(trials())
@settings(max_examples=100, deadline=None)
def test_passing_over_candles_in_which_nothing_can_happen_changes_nothing(given_):
    trial, candles = given_

    assert facts(walked(trial, candles)) == facts(walked(trial, candles, looks_always=True))


@given(trials(), walks(), st.integers(25, LENGTH - 2))
@settings(max_examples=100, deadline=None)
def test_what_comes_later_changes_nothing_up_to_now(given_, other, now):
    trial, candles = given_
    # Until `now` the same, and then another market with other signals, that begins where this one went on: at its open.
    before = walked(trial, candles)
    if before.fills:  # at a moment at which something is done
        at_ms = int(before.fills[now % len(before.fills)].at.timestamp() * 1000)
        now = min(max(int(np.searchsorted(candles.open_time_ms, at_ms, side="right")) - 2, 20), LENGTH - 2)
    after = walked(trial, _joined(candles, other, now))

    next_ms = int(candles.open_time_ms[now + 1])
    known = before.equity_ms <= next_ms
    assert _until(before, next_ms) == _until(after, next_ms)
    assert before.equity[known].tolist() == after.equity[known].tolist()


def _joined(candles, other, now):
    columns = {
        name: np.concatenate((column[: now + 1], getattr(other, name)[now + 1 :]))
        for name, column in vars(candles).items()
        if name != "open_time_ms"
    }
    opened = candles.open[now + 1]
    columns["open"][now + 1] = opened
    columns["high"][now + 1] = max(columns["high"][now + 1], opened)
    columns["low"][now + 1] = min(columns["low"][now + 1], opened)
    return Candles(candles.open_time_ms, **columns)


@given(trials())
@settings(max_examples=60, deadline=None)
def test_the_equity_is_what_the_fills_have_brought(given_):
    trial, candles = given_

    outcome = walked(trial, candles)

    cash, coins, fees = trial.setup.initial_capital, Decimal(0), Decimal(0)
    for fill in outcome.fills:
        cash -= fill.side.sign * fill.price * fill.quantity
        coins += fill.side.sign * fill.quantity
        fees += fill.fee_quote
    in_rounds = sum((done.funding for done in outcome.rounds), Decimal(0))
    if trial.funding_percent and outcome.open_position:
        return  # what the open position has paid is told nowhere but in the equity
    worth = float(cash - fees + in_rounds + coins * Decimal(repr(float(candles.close[-1]))))
    # A fee in coins is a sale of them at the fill's price: the equity keeps both, so only prices since then differ.
    assert abs(outcome.equity[-1] - worth) < 1e-6 + abs(_fees_in_coins(trial, outcome, candles))
    assert len(outcome.equity) == len(outcome.equity_ms) == LENGTH - 20


def _fees_in_coins(trial, outcome, candles):
    """What the coins that fees were taken from have gained since."""
    if trial.setup.futures:
        return 0.0
    bought = [fill for fill in outcome.fills if fill.side is Side.BUY]
    return sum(float(fill.fee_quote) * abs(candles.close[-1] / float(fill.price) - 1) for fill in bought) + 1e-3


def _until(outcome, ms):
    """What was filled until then, and at that very moment."""
    return [fill for fill in outcome.fills if int(fill.at.timestamp() * 1000) <= ms]
