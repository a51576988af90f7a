"""Limits gate every entry, and let a bot go as soon as they allow it, on recorded and random prices (S7, T11, T12)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bots.decide import decide
from bots.exits import ExitSettings
from bots.limits import Day, Limits, Record, day_start
from bots.tests.test_decide import FLAT, RISING, SETUP
from bots.tests.walks import CRASH, OUTAGE, random_walks, recorded
from bots.types import Status

bounds = st.none() | st.decimals(min_value="0.1", max_value=5, places=1)
whole_bounds = st.none() | st.integers(1, 5).map(Decimal)
pnls = st.integers(-6, 6).map(lambda tens: Decimal(10 * tens))  # so that some are exactly at a bound


@settings(max_examples=500, deadline=None)
@given(
    limits=st.builds(
        Limits, st.none() | st.integers(0, 3), whole_bounds, whole_bounds, whole_bounds, st.none() | st.integers(1, 3)
    ),
    day=st.builds(Day, st.integers(0, 4), pnls),
    record=st.builds(Record, st.decimals(min_value=0, max_value=6, places=1), st.integers(0, 4)),
    futures=st.booleans(),
    paused=st.booleans(),
)
def test_no_entry_is_made_while_any_limit_is_breached_and_one_is_when_none_is(limits, day, record, futures, paused):
    percents = ((-day.pnl, limits.max_daily_loss_perc), (day.pnl, limits.daily_target_perc))
    breached = [paused]
    breached += [value * 100 >= bound * SETUP.initial_capital for value, bound in percents if bound is not None]
    for value, bound in (
        (day.trades, limits.max_daily_trades),
        (record.drawdown_percent, limits.max_drawdown_percent),
        (record.losses_in_a_row, limits.max_consecutive_losses),
    ):
        breached.append(bound is not None and value >= bound)
    standing = replace(FLAT, day=day, record=record, terms_agreed=True)

    setup = replace(SETUP, limits=limits, futures=futures, entries_paused=paused)
    decision = decide(setup, RISING, standing, now=RISING.candle_close_at)

    assert bool(decision.act) == (not any(breached))
    assert decision.status == (Status.PAUSED if any(breached) else Status.RUNNING)


def life(setup, ticks, zone):
    """A bot that wants in at every minute, on booked trades of its own: each minute with what it did and had booked."""
    booked, held = [], None  # (moment, whether it opened, P&L)
    for tick in ticks:
        start = day_start(tick.at, zone)
        today = [(opened, pnl) for at, opened, pnl in booked if at >= start]
        closed_at = max((at for at, opened, _ in booked if not opened), default=None)
        standing = replace(
            FLAT, day=Day(sum(opened for opened, _ in today), sum(pnl for _, pnl in today)), closed_at=closed_at
        )
        if held:
            held = replace(held, best_price=max(held.best_price, tick.price))
            standing = replace(held, day=standing.day)
        market = replace(RISING, price=tick.price, candle_close_at=tick.at)
        act = decide(setup, market, standing, now=tick.at).act
        yield tick.at, act, bool(held), list(booked)
        if act and act.is_entry:
            booked.append((tick.at, True, Decimal(0)))
            held = replace(
                FLAT, quantity=act.quantity, entry_price=tick.price, best_price=tick.price, opened_at=tick.at
            )
        elif act:
            booked.append((tick.at, False, (tick.price - held.entry_price) * act.quantity))
            held = None


@settings(max_examples=30, deadline=None)
@given(
    ticks=st.sampled_from([recorded(CRASH), recorded(OUTAGE)]) | random_walks,
    exits=st.builds(ExitSettings, st.decimals(min_value="0.1", max_value=2, places=1), bounds, bounds),
    limits=st.builds(Limits, st.none() | st.integers(1, 4), bounds, bounds),
    cooldown=st.sampled_from([0, 1, 7, 45]),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "Asia/Tokyo"]),
)
def test_a_flat_bot_enters_at_the_very_first_minute_that_its_limits_allow(ticks, exits, limits, cooldown, zone):
    setup = replace(SETUP, exits=exits, limits=limits, cooldown_minutes=cooldown)
    capital = setup.initial_capital
    for now, act, is_held, booked in life(setup, ticks, zone):
        if is_held:
            assert act is None or not act.is_entry
            continue
        date = now.astimezone(ZoneInfo(zone)).date()
        today = [(opened, pnl) for at, opened, pnl in booked if at.astimezone(ZoneInfo(zone)).date() == date]
        pnl = sum(pnl for _, pnl in today)
        free = limits.max_daily_trades is None or sum(opened for opened, _ in today) < limits.max_daily_trades
        free &= limits.max_daily_loss_perc is None or pnl * 100 > -limits.max_daily_loss_perc * capital
        free &= limits.daily_target_perc is None or pnl * 100 < limits.daily_target_perc * capital
        free &= not booked or now - booked[-1][0] >= timedelta(minutes=cooldown)
        assert bool(act) == bool(free)
