"""The day of a bot in its time zone, minute by minute while clocks change: when it begins and lets bots go (T12)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from bots.decide import decide
from bots.limits import Day, Limits, day_start
from bots.parts import Part
from bots.services import days
from bots.services.days import days_of
from bots.services.fleet import read_bots, read_days
from bots.services.standings import standings
from bots.tests.factories import BotFactory
from bots.tests.test_decide import FLAT, RISING, SETUP
from bots.tests.walks import MINUTE
from bots.types import Reason, Status
from market.tests.factories import NOON
from trades.models import Position
from trades.tests.factories import OrderFactory, TradeFactory

# Clocks change in the night, by half an hour, at midnight forwards (00:00 does not exist) and backwards (23:00 comes
# twice), from 01:00 back to midnight (00:00 comes twice), by two hours, never.
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Beirut",
    "America/Havana",
    "Atlantic/Azores",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "UTC",
)
MICROSECOND = timedelta(microseconds=1)


def changes_of(zone):
    """About when the clocks of a zone change in 2026; any moment where they never do."""
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + hour * timedelta(hours=1) for hour in range(365 * 24)]
    offsets = [at.astimezone(ZoneInfo(zone)).utcoffset() for at in moments]
    found = [moments[at + 1] for at, (before, after) in enumerate(pairwise(offsets)) if before != after]
    return found or [NOON.replace(second=0)]


CHANGES = [pytest.param(zone, at, id=f"{zone} {at:%Y-%m-%d}") for zone in ZONES for at in changes_of(zone)]


@cache
def dates_around(zone, change):
    """The local date of each minute, from two days before the change to two days after it."""
    minutes = (change + minute * MINUTE for minute in range(-48 * 60, 48 * 60 + 1))
    return {at: at.astimezone(ZoneInfo(zone)).date() for at in minutes}


def midnight_before(zone, change):
    """The first minute of the day on which the clocks change."""
    dates = dates_around(zone, change)
    return next(minute for minute, date in dates.items() if date == dates[change])


def next_midnight(zone, change, at):
    """The first minute after ``at`` whose local date is another one."""
    dates = dates_around(zone, change)
    return next(minute for minute, date in dates.items() if minute > at and date != dates[at])


def test_the_zones_change_their_clocks_both_ways():
    assert len(CHANGES) == 2 * 8 + 3


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_the_day_begins_with_the_first_minute_of_its_date_and_never_goes_back(zone, change):
    dates = dates_around(zone, change)
    first_of = {date: minute for minute, date in reversed(dates.items())}
    earliest = min(first_of.values())
    starts = {at: day_start(at, zone) for at in dates}

    for at, start in starts.items():
        if first_of[dates[at]] != earliest:  # the first of them began before we looked
            assert start == first_of[dates[at]]
        assert start <= at
    assert all(before <= after for before, after in pairwise(starts.values()))


PAUSES = [
    (Limits(max_daily_trades=1), Day(1), Reason.MAX_DAILY_TRADES),
    (Limits(max_daily_loss_perc=Decimal(2)), Day(1, Decimal(-20)), Reason.MAX_DAILY_LOSS),
    (Limits(daily_target_perc=Decimal(2)), Day(1, Decimal(20)), Reason.DAILY_TARGET),
]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize(("limits", "day", "reason"), PAUSES)
def test_a_bot_that_its_day_paused_is_let_go_at_the_next_local_midnight_to_the_microsecond(
    zone, change, limits, day, reason
):
    setup = replace(SETUP, limits=limits)

    def state(now, booked_at):
        standing = replace(FLAT, day=day if booked_at >= day_start(now, zone) else Day())
        decision = decide(setup, replace(RISING, candle_close_at=now), standing, now=now)
        return decision.status, decision.reason

    midnight = midnight_before(zone, change)
    for booked_at in (midnight - MINUTE, midnight, *(change + hours * timedelta(hours=1) for hours in (-9, -1, 0, 1))):
        free_at = next_midnight(zone, change, booked_at)
        minutes = range((free_at - booked_at) // MINUTE)
        held = {state(booked_at + minute * MINUTE, booked_at) for minute in minutes}
        held.add(state(free_at - MICROSECOND, booked_at))
        assert held == {(Status.PAUSED, reason)}
        assert state(free_at, booked_at) == (Status.RUNNING, Reason.NONE)


@given(
    age=st.timedeltas(timedelta(0), timedelta(days=365)),
    cooldown=st.integers(1, 10_000),
)
def test_a_cool_down_ends_at_its_minute_to_the_microsecond(age, cooldown):
    closed_at = NOON - age
    setup, standing = replace(SETUP, cooldown_minutes=cooldown), replace(FLAT, closed_at=closed_at)
    over = closed_at + cooldown * MINUTE

    def reason(now):
        return decide(setup, replace(RISING, candle_close_at=now), standing, now=now).reason

    assert reason(closed_at) == reason(over - MICROSECOND) == Reason.COOLING_DOWN
    assert reason(over) == Reason.NONE


@pytest.mark.django_db
@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_what_is_booked_from_midnight_on_counts_until_the_next_one_for_a_run_and_for_a_tick(zone, change):
    midnight = midnight_before(zone, change)
    end = next_midnight(zone, change, midnight)
    bot = BotFactory(time_zone=zone, max_daily_trades=9)
    for at in (midnight - MICROSECOND, midnight):
        order = OrderFactory(position=bot.position, status="filled", proof_deadline=at)
        TradeFactory(order=order, purpose="entry", created_at=at)
    Position.objects.update(opened_at=midnight)
    bots = read_bots([Part(bot.series, bot.pk, bot.pk, 1)])

    def counted(now):
        found = days_of([bot], now=now)
        return found[bot.position_id].trades if found else 0, read_days(bots, now=now)["trades"].tolist()

    assert counted(midnight - MICROSECOND) == (2, [2])  # what is booked is booked: nobody asks for a past moment
    assert counted(midnight) == (1, [1])
    assert counted(end - MICROSECOND) == (1, [1])
    assert counted(end) == (0, [0])


@pytest.mark.django_db
@pytest.mark.parametrize(("very_many", "statements"), [(500, 1), (2, 2), (1, 2)])
def test_a_reset_counts_from_its_moment_until_the_next_day_for_a_run_a_tick_and_the_admin_alike(
    monkeypatch, very_many, statements
):
    monkeypatch.setattr(days, "VERY_MANY", very_many)
    midnight = NOON.replace(hour=0, second=0)
    reset_at = midnight + timedelta(hours=5)
    bots = [BotFactory(max_daily_trades=9, state__day_from=at) for at in (None, reset_at, midnight - MINUTE)]
    for bot in bots:
        for at, pnl in ((midnight, -7), (reset_at - MICROSECOND, -5), (reset_at, -3)):
            order = OrderFactory(position=bot.position, status="filled", proof_deadline=at)
            TradeFactory(order=order, purpose="entry", created_at=at, realized_pnl=pnl)
        Position.objects.filter(pk=bot.position_id).update(opened_at=reset_at)
    rows = read_bots([Part(bots[0].series, bots[0].pk, bots[-1].pk, 3)])

    def counted(now):
        found = days_of(bots, now=now)
        run = [standings([bot], now=now)[bot.pk].day for bot in bots]
        assert run == [found.get(bot.position_id, Day()) for bot in bots]
        tick = read_days(rows, now=now)
        assert [(day.trades, day.pnl) for day in run] == list(zip(tick["trades"], tick["pnl"], strict=True))
        return [(day.trades, day.pnl) for day in run]

    with CaptureQueriesContext(connection) as queries:
        days_of(bots, now=NOON)

    assert counted(NOON) == [(3, -15), (1, -3), (3, -15)]
    assert counted(midnight + timedelta(days=1)) == [(0, 0)] * 3
    assert len(queries) == statements
