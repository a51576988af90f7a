"""Cases that were worked out by hand: when an order is filled, at which price, and what it brings."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from bots.backtest import BadCandles, Bounds, NotTestable, TooManyFills, run_trial
from bots.exits import ExitSettings, Step
from bots.limits import Limits
from bots.recipe import Recipe
from bots.situation import Wish
from bots.sizing import Mode, Sizing
from bots.strategies import STRATEGIES, Signal
from bots.tests.backtest.trials import (
    MINUTE_MS,
    NOON_MS,
    SCRIPTED,
    SPOT_RULES,
    at_minutes,
    candles_of,
    flat,
    joined,
    run,
    told,
    trial_of,
)
from bots.types import Reason
from market.exchange.types import MarginBracket
from market.types import Candles, Side

LONG, SHORT, LEAVE, REDUCE = Signal.ENTER_LONG, Signal.ENTER_SHORT, Signal.EXIT_LONG, Signal.REDUCE_LONG
LOT = Decimal("0.01")
STOP, TARGET = Decimal(49_500), Decimal(51_000)
BOTH = {"exits": ExitSettings(stop_loss_percent=Decimal(1), take_profit_percent=Decimal(2))}


def entered(*bars, signals=None, **fields):
    """What follows a purchase at 50,000 with the second candle."""
    candles = candles_of(joined(flat(50_000, 2), bars), {0: LONG} | (signals or {}))
    return run(trial_of(**fields), candles)


def test_a_signal_is_known_at_the_close_and_filled_at_the_next_open():
    bars = [(50_000, 50_100, 49_900, 50_050), (50_060, 50_200, 50_060, 50_200), (50_210, 50_210, 50_210, 50_210)]

    outcome = run(trial_of(), candles_of(bars, {0: LONG, 1: LEAVE}))

    assert told(outcome) == [("entry", Decimal(50_060), LOT), ("signal", Decimal(50_210), LOT)]
    assert at_minutes(outcome) == [1, 2]
    assert outcome.equity.tolist() == pytest.approx([10_000, 10_001.4, 10_001.5])
    assert outcome.equity_ms.tolist() == [NOON_MS + minute * MINUTE_MS for minute in (1, 2, 3)]
    (done,) = outcome.rounds
    assert (done.side, done.entry_price, done.exit_price) == (Side.BUY, 50_060, 50_210)
    assert (done.quantity, done.realized_pnl, done.exit_kind) == (LOT, Decimal("1.5"), "signal")


def test_the_last_candle_orders_nothing():
    outcome = run(trial_of(), candles_of(flat(50_000, 2), {1: LONG}))

    assert (outcome.fills, outcome.open_position) == ((), None)


def test_what_is_held_at_the_end_is_marked():
    outcome = entered((50_000, 50_300, 50_000, 50_300))

    assert outcome.rounds == ()
    held = outcome.open_position
    assert (held.quantity, held.entry_price, held.price, held.unrealized_pnl) == (LOT, 50_000, 50_300, 3)
    assert outcome.equity[-1] == pytest.approx(10_003)


@pytest.mark.parametrize(
    ("bar", "kind", "price"),
    [
        ((50_000, 50_000, 49_400, 49_600), "stop_loss", STOP),
        ((50_000, 50_000, 49_500, 50_000), "stop_loss", STOP),
        ((49_300, 49_900, 49_200, 49_800), "stop_loss", 49_300),  # it opens beyond
        ((50_000, 51_200, 50_000, 50_900), "take_profit", TARGET),
        ((51_300, 51_400, 51_100, 51_200), "take_profit", 51_300),
        ((50_000, 51_200, 49_400, 51_100), "stop_loss", STOP),  # both lie in it: the worse one
        ((51_100, 51_200, 49_400, 51_100), "take_profit", 51_100),  # but the open is first
    ],
)
def test_what_rests_is_filled_inside_the_candle_or_at_its_open(bar, kind, price):
    outcome = entered(bar, (50_000, 50_000, 50_000, 50_000), setup=BOTH)

    assert told(outcome)[1:] == [(kind, price, LOT)]
    assert outcome.fills[1].realized_pnl == LOT * (price - 50_000)
    at_open = price == Decimal(str(bar[0]))
    assert int(outcome.fills[1].at.timestamp() * 1000) - NOON_MS == (2 * MINUTE_MS if at_open else 3 * MINUTE_MS - 1)


def test_a_candle_that_only_comes_near_fills_nothing():
    outcome = entered((50_000, 50_999.99, 49_500.01, 50_000), setup=BOTH)

    assert len(outcome.fills) == 1


def test_a_stop_works_in_the_candle_that_the_entry_was_filled_in():
    candles = candles_of([*flat(50_000), (50_000, 50_000, 49_000, 49_100), *flat(49_100)], {0: LONG})

    outcome = run(trial_of(setup=BOTH), candles)

    assert (told(outcome)[1:], at_minutes(outcome)) == ([("stop_loss", STOP, LOT)], [1, 1])


def test_a_short_position_mirrors_a_long_one():
    candles = candles_of(joined(flat(50_000, 2), [(50_000, 50_600, 48_900, 49_000)], flat(49_000)), {0: SHORT})

    outcome = run(trial_of(futures=True, setup=BOTH), candles)

    assert told(outcome) == [("entry", 50_000, LOT), ("stop_loss", Decimal(50_500), LOT)]
    assert outcome.rounds[0].realized_pnl == -5


def test_slippage_is_to_our_disadvantage_and_on_the_tick():
    trial = trial_of(slippage_percent=Decimal("0.1"), setup=BOTH)

    bars = joined(flat(50_000, 2), [(50_000, 50_000, 49_000, 49_000)], flat(49_000))
    outcome = run(trial, candles_of(bars, {0: LONG}))

    # Bought at 50,050; the stop is one percent below that, and sells a tenth of a percent lower.
    assert told(outcome) == [("entry", Decimal("50050.00"), LOT), ("stop_loss", Decimal("49499.95"), LOT)]


def test_on_spot_a_purchase_pays_its_fee_in_coins_and_a_sale_in_money():
    outcome = entered((50_000, 50_000, 50_000, 50_000), signals={1: LEAVE}, fee_percent=Decimal("0.1"))

    bought, sold = outcome.fills
    assert (bought.fee_quote, bought.realized_pnl) == (Decimal("0.5"), Decimal("-0.5"))
    assert sold.quantity == Decimal("0.00999")  # what the fee of 0.00001 has left
    assert sold.fee_quote == Decimal("0.4995")
    (done,) = outcome.rounds
    assert (done.fees, done.realized_pnl) == (Decimal("0.9995"), Decimal("-0.9995"))


def test_on_futures_both_fees_are_paid_in_money():
    candles = candles_of(flat(50_000, 4), {0: LONG, 1: LEAVE})

    outcome = run(trial_of(futures=True, fee_percent=Decimal("0.05")), candles)

    assert [(fill.quantity, fill.fee_quote) for fill in outcome.fills] == [(LOT, Decimal("0.25"))] * 2


def test_a_trailing_stop_follows_the_closes_of_minutes():
    exits = {"exits": ExitSettings(trailing_stop_percent=Decimal(1))}
    # The high of 51,500 is no tick; the close of 51,000 is, and the tick after it moves the stop to 50,490.
    bars = [(50_000, 51_500, 50_000, 51_000), (51_000, 51_000, 50_900, 51_000), (51_000, 51_000, 50_400, 50_450)]

    outcome = entered(*bars, *flat(50_450), setup=exits)

    assert told(outcome)[1:] == [("trailing_stop", Decimal("50490.00"), LOT)]


def test_break_even_keeps_the_entry_price_once_the_gain_was_there():
    exits = {"exits": ExitSettings(stop_loss_percent=Decimal(5), break_even_percent=Decimal(1))}
    bars = [(50_000, 50_600, 50_000, 50_600), *flat(50_600), (50_600, 50_600, 49_000, 49_000)]

    outcome = entered(*bars, *flat(49_000), setup=exits)

    assert told(outcome)[1:] == [("break_even", 50_000, LOT)]


def test_a_stepped_take_profit_sells_its_shares():
    steps = (Step(Decimal(1), Decimal(50)), Step(Decimal(2), Decimal(50)))
    exits = {"exits": ExitSettings(stop_loss_percent=Decimal(1), steps=steps)}
    bars = [(50_000, 50_600, 50_000, 50_400), (50_400, 50_400, 49_400, 49_400)]

    outcome = entered(*bars, *flat(49_400), setup=exits)

    half = Decimal("0.005")
    assert told(outcome)[1:] == [("take_profit", 50_500, half), ("stop_loss", STOP, half)]
    (done,) = outcome.rounds
    assert (done.exit_price, done.exit_kind, done.realized_pnl) == (50_000, "stop_loss", 0)


def test_on_futures_a_stop_whose_target_was_taken_at_the_open_finds_nothing_left():
    # Half is sold at the open. Both stops still rest at the low: the first one closes the other half.
    steps = (Step(Decimal(1), Decimal(50)), Step(Decimal(2), Decimal(50)))
    exits = {"exits": ExitSettings(stop_loss_percent=Decimal(1), steps=steps)}
    half = Decimal("0.005")

    outcome = entered((50_600, 50_700, 49_400, 49_600), *flat(49_600), futures=True, setup=exits)

    assert told(outcome)[1:] == [("take_profit", 50_600, half), ("stop_loss", STOP, half)]
    (done,) = outcome.rounds
    assert (done.quantity, done.realized_pnl) == (LOT, Decimal("0.5"))


# --- longer candles: the ticks inside


def on_hours(bar, *, exits):
    bars = joined(flat(50_000, 2), [bar], flat(bar[3]))
    candles = candles_of(bars, {0: LONG}, interval_ms=3_600_000)
    return told(run(trial_of(interval="1h", setup={"exits": exits}), candles))[1:]


def test_on_a_long_candle_the_trailing_stop_follows_inside():
    exits = ExitSettings(trailing_stop_percent=Decimal(1))

    # 49,500 is not reached; the stop follows to one percent below 51,000, and the low comes after that.
    assert on_hours((50_000, 51_000, 49_600, 50_900), exits=exits) == [("trailing_stop", Decimal("50490.00"), LOT)]
    # 49,500 is reached: the low came first.
    assert on_hours((50_000, 51_000, 49_400, 50_900), exits=exits) == [("trailing_stop", STOP, LOT)]
    assert on_hours((50_400, 50_800, 50_300, 50_700), exits=exits) == []


# --- futures


BRACKETS = (MarginBracket(Decimal("0.004"), Decimal(0)),)


def on_futures(*bars, side=LONG, **fields):
    candles = candles_of(joined(flat(50_000, 2), bars, flat(bars[-1][3], 2)), {0: side})
    setup = {"leverage": 10} | fields.pop("setup", {})
    return run(trial_of(futures=True, setup=setup, brackets=BRACKETS, **fields), candles)


def test_a_liquidation_costs_the_margin():
    outcome = on_futures((50_000, 50_000, 44_000, 46_000))

    # Margin 50; liquidated where 50 + 0.01 × (p - 50,000) = 0.01 × p × 0.004, and what is left is its fee.
    fill = outcome.fills[1]
    assert (fill.kind, fill.quantity, fill.fee_quote) == ("liquidation", LOT, 0)
    assert float(fill.price) == pytest.approx(45_000 / 0.996)
    (done,) = outcome.rounds
    assert float(done.realized_pnl) == pytest.approx(-50)
    assert outcome.equity[-1] == pytest.approx(9_950)


def test_a_gap_beyond_the_liquidation_costs_no_more_than_the_margin():
    outcome = on_futures((40_000, 40_000, 40_000, 40_000), setup=BOTH)

    assert told(outcome)[1:] == [("liquidation", 40_000, LOT)]
    assert outcome.equity[-1] == pytest.approx(9_950)


def test_a_stop_comes_before_the_liquidation():
    outcome = on_futures((50_000, 50_000, 40_000, 40_000), setup=BOTH)

    assert told(outcome)[1:] == [("stop_loss", STOP, LOT)]


def test_an_entry_whose_liquidation_would_be_too_near_is_denied():
    setup = {"leverage": 20, "min_liquidation_percent": Decimal(10)}
    outcome = on_futures((50_000, 50_000, 50_000, 50_000), setup=setup)

    assert (outcome.fills, outcome.reasons) == ((), {Reason.ORDER_DENIED: 1})


@pytest.mark.parametrize(("side", "paid"), [(LONG, Decimal("-0.05")), (SHORT, Decimal("0.05"))])
def test_funding_is_paid_every_eight_hours_by_who_holds_then(side, paid):
    # Entered at 15:00, left at 17:00: only 16:00 UTC lies between; 0.01 % of 500.
    bars = flat(50_000, 8)
    leave = LEAVE if side is LONG else Signal.EXIT_SHORT
    candles = candles_of(bars, {2: side, 4: leave}, interval_ms=3_600_000)

    outcome = run(trial_of(futures=True, interval="1h", funding_percent=Decimal("0.01")), candles)

    (done,) = outcome.rounds
    assert (done.funding, done.realized_pnl) == (paid, paid)
    assert outcome.equity.tolist() == pytest.approx([10_000] * 3 + [10_000 + float(paid)] * 5)


def test_an_opposite_signal_turns_the_position_at_one_open():
    candles = candles_of(flat(50_000, 5), {0: LONG, 2: SHORT})

    outcome = run(trial_of(futures=True), candles)

    assert told(outcome) == [("entry", 50_000, LOT), ("signal", 50_000, LOT), ("entry", 50_000, LOT)]
    assert at_minutes(outcome) == [1, 3, 3]
    assert outcome.open_position.quantity == -LOT


# --- strategies that add


def test_an_adding_strategy_buys_more_and_sells_a_lot():
    bars = joined(flat(50_000, 2), flat(49_000, 2), flat(51_000, 3))

    outcome = run(trial_of(setup={"adds": True}), candles_of(bars, {0: LONG, 2: LONG, 4: REDUCE}))

    assert told(outcome) == [("entry", 50_000, LOT), ("addition", 49_000, LOT), ("reduction", 51_000, LOT)]
    assert outcome.fills[2].realized_pnl == 15  # against 49,500
    assert outcome.open_position.entry_price == 49_500


def test_what_was_added_and_sold_in_parts_is_told_as_one_position():
    signals = {0: LONG, 2: LONG, 4: REDUCE, 6: LEAVE}
    candles = candles_of(joined(flat(50_000, 3), flat(49_000, 2), flat(51_000, 5)), signals)

    outcome = run(trial_of(setup={"adds": True}), candles)

    (done,) = outcome.rounds
    assert (done.quantity, done.entry_price, done.exit_price) == (2 * LOT, 49_500, 51_000)
    assert done.realized_pnl == sum(fill.realized_pnl for fill in outcome.fills) == 30


def test_what_is_more_than_one_order_may_sell_is_sold_with_the_next_ones():
    largest = replace(SPOT_RULES, lot=replace(SPOT_RULES.lot, maximum=Decimal("0.015")))
    candles = candles_of(joined(flat(50_000, 5), flat(51_000, 5)), {0: LONG, 2: LONG, 4: LEAVE})

    outcome = run(trial_of(setup={"adds": True}, rules=largest), candles)

    assert told(outcome)[2:] == [("signal", 51_000, Decimal("0.015")), ("signal", 51_000, Decimal("0.005"))]
    assert at_minutes(outcome) == [1, 3, 5, 6]


# --- limits


def held_back(signals, *, minutes=10, bars=None, **fields):
    outcome = run(trial_of(**fields), candles_of(bars or flat(50_000, minutes), signals))
    return len(outcome.fills), outcome.reasons


LOSING = [*flat(50_000, 2), *flat(49_000, 8)]
TWO_ROUNDS = {0: LONG, 1: LEAVE, 3: LONG, 4: LEAVE, 5: LONG, 6: LONG}


def test_a_day_has_so_many_trades_and_the_next_day_is_a_new_one():
    limits = {"limits": Limits(max_daily_trades=1)}
    assert held_back(TWO_ROUNDS, setup=limits) == (2, {Reason.MAX_DAILY_TRADES: 3})

    # The bot's midnight is 18:30 UTC: hours 7 and later belong to its next day.
    candles = candles_of(flat(50_000, 12), {0: LONG, 1: LEAVE, 3: LONG, 7: LONG}, interval_ms=3_600_000)
    outcome = run(trial_of(interval="1h", time_zone="Asia/Kolkata", setup=limits), candles)
    assert (len(outcome.fills), outcome.reasons) == (3, {Reason.MAX_DAILY_TRADES: 1})


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_daily_loss_perc=Decimal("0.1")), Reason.MAX_DAILY_LOSS),
        (Limits(max_drawdown_percent=Decimal("0.1")), Reason.MAX_DRAWDOWN),
        (Limits(max_consecutive_losses=1), Reason.CONSECUTIVE_LOSSES),
    ],
)
def test_a_loss_of_ten_holds_all_further_entries_back(limits, reason):
    assert held_back(TWO_ROUNDS, bars=LOSING, setup={"limits": limits}) == (2, {reason: 3})


def test_a_gain_that_is_enough_for_the_day_holds_entries_back():
    bars = [*flat(50_000, 2), *flat(51_000, 8)]

    assert held_back(TWO_ROUNDS, bars=bars, setup={"limits": Limits(daily_target_perc=Decimal("0.1"))}) == (
        2,
        {Reason.DAILY_TARGET: 3},
    )


def test_a_cool_down_ends_after_its_minutes():
    # Left at 12:02, so entries are held back until 12:05: the signal of the candle that closes then is the first to go.
    assert held_back({0: LONG, 1: LEAVE, 2: LONG, 3: LONG, 4: LONG}, setup={"cooldown_minutes": 3}) == (
        3,
        {Reason.COOLING_DOWN: 2},
    )


def test_a_size_below_the_filters_waits():
    small = {"sizing": Sizing(Mode.QUOTE, Decimal(4))}

    assert held_back({0: LONG, 2: LONG}, setup=small) == (0, {Reason.BELOW_FILTERS: 2})


def test_bounds_of_the_platform_hold_entries_back():
    assert held_back({0: LONG}, bounds=Bounds(max_notional=Decimal(100))) == (0, {Reason.RISK_LIMIT: 1})
    often = {minute: LONG if minute % 2 == 0 else LEAVE for minute in range(9)}
    assert held_back(often, bounds=Bounds(entries_per_hour=2)) == (4, {Reason.REPEATED_EXECUTION: 3})


def test_paused_entries_are_held_back():
    assert held_back({0: LONG}, setup={"entries_paused": True}) == (0, {Reason.ENTRIES_PAUSED: 1})


def test_too_little_history_and_missing_candles_are_no_data(monkeypatch):
    monkeypatch.setitem(STRATEGIES, "scripted", replace(SCRIPTED, candles_needed=lambda parameters: 3))
    candles = candles_of(flat(50_000, 12), {1: LONG, 2: LONG, 3: LEAVE, 5: LONG, 7: LONG})
    gap = np.where(np.arange(12) < 5, 0, 2 * MINUTE_MS)  # before candle 5

    outcome = run(trial_of(), replace(candles, open_time_ms=candles.open_time_ms + gap))

    assert at_minutes(outcome) == [3, 4, 10]
    assert outcome.reasons == {Reason.STALE_DATA: 2}


def test_a_signal_that_was_given_while_candles_are_missing_is_too_old():
    candles = candles_of(flat(50_000, 6), {1: LONG})
    gap = np.where(np.arange(6) < 2, 0, 5 * MINUTE_MS)

    outcome = run(trial_of(), replace(candles, open_time_ms=candles.open_time_ms + gap))

    assert (outcome.fills, outcome.reasons) == ((), {Reason.NO_SIGNAL: 1})


# --- what is refused


def test_what_can_not_be_tested_says_why():
    candles = candles_of(flat(50_000, 3), {})
    for recipe, words in (
        (Recipe("webhook_signal", {}), "webhook_signal: its signals come from outside"),
        (Recipe("no_such", {}), "'no_such' is unknown"),
        (Recipe("ema_rsi", {"ema_fast": 500}), "ema_fast: 500 is above the maximum 100"),
    ):
        with pytest.raises(NotTestable, match=words):
            run(trial_of(recipe=recipe), candles)
    with pytest.raises(NotTestable, match="stopped"):
        run(trial_of(setup={"wish": Wish.STOP}), candles)


@pytest.mark.parametrize(
    ("bars", "words"),
    [
        (flat(50_000)[:0], "no candles"),
        ([*flat(50_000), (50_000, 50_000, -1, 50_000)], "candle 1: a candle has a price that is no positive number"),
        ([*flat(1), (1, 0.5, 1, 1)], "candle 1: a candle has a price above its high"),
    ],
)
def test_candles_that_are_none_are_refused(bars, words):
    good = candles_of(bars or flat(1), {})
    candles = Candles(*(column[: len(bars)] for column in vars(good).values()))

    with pytest.raises(BadCandles, match=words):
        run_trial(trial_of(), candles, begin_ms=0)


def test_candles_that_do_not_follow_each_other_are_refused():
    candles = candles_of(flat(50_000, 3), {})

    with pytest.raises(BadCandles, match="candle 1 is not after"):
        run(trial_of(), replace(candles, open_time_ms=candles.open_time_ms[::-1].copy()))


def test_a_trial_that_trades_all_the_time_ends_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr("bots.backtest.walk.MOST_FILLS", 3)
    candles = candles_of(flat(50_000, 9), {1: LONG, 2: LEAVE, 3: LONG, 4: LEAVE})

    with pytest.raises(TooManyFills, match="more than 3 times: test fewer days"):
        run(trial_of(), candles)


def test_a_beat_tells_how_far_it_is_and_may_stop_it():
    class Enough(Exception):
        pass

    def stop(share):
        told_.append(share)
        if share > 0.4:
            raise Enough

    told_ = []
    busy = {minute: LONG if minute % 2 == 0 else LEAVE for minute in range(50_000)}
    candles = candles_of(flat(50_000, len(busy)), busy)
    with pytest.raises(Enough):
        run_trial(trial_of(), candles, begin_ms=NOON_MS, beat=stop)
    assert told_[0] == 0
    assert 0.4 < told_[-1] < 0.7
