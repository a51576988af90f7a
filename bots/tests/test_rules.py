"""Exits, sizing and limits."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.exits import ExitSettings, better_price, due_exit
from bots.limits import Day, Limits, Record, day_start, first_breach, record_of
from bots.sizing import Mode, Sizing, TooSmall, entry_quantity, wanted_quantity
from bots.types import STATUS_OF, Reason, Status
from market.rules import rules_of
from market.tests.factories import entry
from market.types import Side

RULES = rules_of(entry())
PRICES = st.decimals(min_value=1, max_value=200, places=2)
ALL_EXITS = ExitSettings(Decimal(2), Decimal(3), Decimal(1))


def exit_at(price, settings=ALL_EXITS, side=Side.BUY, best=100):
    found = due_exit(settings, side=side, entry_price=Decimal(100), best_price=Decimal(best), price=Decimal(str(price)))
    return found.kind if found else None


@pytest.mark.parametrize(
    ("price", "best", "kind"),
    [
        ("100", 100, None),
        ("98.01", 98, None),
        ("98", 98, "stop_loss"),
        ("103", 103, "take_profit"),
        ("102.99", 103, None),
        ("101", 102, None),
        ("100.98", 102, "trailing_stop"),
    ],
)
def test_a_long_position_leaves_exactly_at_its_levels(price, best, kind):
    assert exit_at(price, best=best) == kind


@pytest.mark.parametrize(("price", "kind"), [("102", "stop_loss"), ("97", "take_profit"), ("100", None)])
def test_a_short_position_leaves_on_the_other_side(price, kind):
    assert exit_at(price, ExitSettings(Decimal(2), Decimal(3)), side=Side.SELL) == kind


def test_an_exit_says_which_price_reached_which_level():
    found = due_exit(ALL_EXITS, side=Side.BUY, entry_price=Decimal(100), best_price=Decimal(100), price=Decimal("97.5"))

    assert found.reason == "price 97.5 reached the stop loss at 98"


def test_without_settings_there_is_no_exit():
    assert exit_at("0.01", ExitSettings()) is None


@given(st.lists(PRICES, min_size=1), st.sampled_from(Side))
def test_the_best_price_never_moves_against_the_position(prices, side):
    best = prices[0]
    for price in prices[1:]:
        moved = better_price(best, price, side)
        assert (moved - best) * side.sign >= 0
        best = moved

    assert best == (max(prices) if side is Side.BUY else min(prices))


@pytest.mark.parametrize(
    ("mode", "value", "quantity"),
    [
        (Mode.QUOTE, "500", "0.01"),
        (Mode.BASE, "0.004", "0.004"),
        (Mode.PERCENT, "25", "0.005"),
        (Mode.RISK, "1", "0.01"),  # 10 at risk, 2 % stop: worth 500
    ],
)
def test_each_mode_gives_the_quantity_that_its_unit_means(mode, value, quantity):
    sizing = Sizing(mode, Decimal(value))

    wanted = wanted_quantity(sizing, price=Decimal(50_000), capital=Decimal(1000), stop_loss_percent=Decimal(2))

    assert wanted == Decimal(quantity)


@given(
    mode=st.sampled_from(Mode),
    value=st.decimals(min_value="0.01", max_value=100, places=2),
    price=st.decimals(min_value="0.5", max_value=100_000, places=2),
    capital=st.decimals(min_value=0, max_value=100_000, places=2),
)
def test_the_size_is_never_above_the_capital_nor_above_the_configured_size(mode, value, price, capital):
    sizing = Sizing(mode, value)
    wanted = wanted_quantity(sizing, price=price, capital=capital, stop_loss_percent=Decimal(1))
    try:
        quantity = entry_quantity(sizing, price=price, capital=capital, stop_loss_percent=Decimal(1), rules=RULES)
    except TooSmall:
        quantity = Decimal(0)

    assert quantity <= wanted
    assert wanted * price <= capital + Decimal("1e-20")


def test_a_size_below_the_filters_names_the_amount_needed():
    with pytest.raises(TooSmall, match=r"worth 4\.00 USDT; 0\.00012 BTC, worth 6\.00 USDT, is needed"):
        entry_quantity(
            Sizing(Mode.QUOTE, Decimal(4)),
            price=Decimal(50_000),
            capital=Decimal(1000),
            stop_loss_percent=None,
            rules=RULES,
        )


@pytest.mark.parametrize(
    ("limits", "day", "reason"),
    [
        (Limits(), Day(100, Decimal(-999)), None),
        (Limits(max_daily_trades=3), Day(2), None),
        (Limits(max_daily_trades=3), Day(3), Reason.MAX_DAILY_TRADES),
        (Limits(max_daily_loss_perc=Decimal(2)), Day(1, Decimal("-19.99")), None),
        (Limits(max_daily_loss_perc=Decimal(2)), Day(1, Decimal(-20)), Reason.MAX_DAILY_LOSS),
        (Limits(daily_target_perc=Decimal(2)), Day(1, Decimal("19.99")), None),
        (Limits(daily_target_perc=Decimal(2)), Day(1, Decimal(20)), Reason.DAILY_TARGET),
    ],
)
def test_a_limit_holds_from_the_value_that_it_names(limits, day, reason):
    breach = first_breach(limits, day, capital=Decimal(1000))

    assert (breach.reason if breach else None) == reason


def test_a_breach_names_the_limit_and_the_value_apart():
    breach = first_breach(Limits(max_daily_loss_perc=Decimal(2)), Day(1, Decimal("-20.5")), capital=Decimal(1000))

    assert (breach.denial.code, breach.denial.limit, breach.denial.value) == ("daily_loss", "-20", "-20.5")


@pytest.mark.parametrize(
    ("limits", "record", "reason"),
    [
        (Limits(max_drawdown_percent=Decimal(10)), Record(Decimal("9.99")), None),
        (Limits(max_drawdown_percent=Decimal(10)), Record(Decimal(10)), Reason.MAX_DRAWDOWN),
        (Limits(max_consecutive_losses=3), Record(losses_in_a_row=2), None),
        (Limits(max_consecutive_losses=3), Record(losses_in_a_row=3), Reason.CONSECUTIVE_LOSSES),
        (Limits(max_drawdown_percent=Decimal(10), max_consecutive_losses=3), None, None),
        (Limits(), Record(Decimal(99), 99), None),
    ],
)
def test_a_lasting_limit_holds_from_the_value_that_it_names(limits, record, reason):
    breach = first_breach(limits, Day(), capital=Decimal(1000), record=record)

    assert (breach.reason if breach else None) == reason


@pytest.mark.parametrize(
    ("results", "drawdown", "losses"),
    [
        ([], 0, 0),
        ([("entry", -1), ("exit", -99)], 10, 1),
        ([("entry", -1), ("exit", 1001), ("entry", 0), ("exit", -500)], 25, 1),
        ([("entry", 0), ("exit", -100), ("entry", 0), ("exit", 50)], 5, 0),
        ([("entry", 0), ("exit", -100), ("entry", 0), ("exit", -100), ("entry", 0), ("exit", -100)], 30, 3),
        # Sold in two parts: one position, which has won all the same.
        ([("entry", 0), ("exit", -10), ("entry", 0), ("part", -20), ("exit", 30)], 0, 0),
        # A part is sold at a loss, and more is bought: nothing is lost or won before it is closed.
        ([("entry", 0), ("exit", -10), ("entry", 0), ("part", -20), ("entry", 0), ("part", -5)], Decimal("3.5"), 1),
        ([("entry", 0), ("exit", -10), ("entry", 0), ("part", -20), ("entry", 0), ("exit", 30)], 0, 0),
        ([("entry", 0), ("part", 30), ("entry", 0), ("exit", -31)], Decimal(3100) / 1030, 1),
        # Not closed yet: it counts for the equity, not for the row.
        ([("entry", 0), ("exit", -100), ("entry", -100)], 20, 1),
        # A gain that its fees have eaten is a loss.
        ([("entry", -10), ("exit", 10), ("entry", -10), ("exit", 5)], Decimal("0.5"), 1),
    ],
)
def test_the_record_of_a_bot_is_its_fall_from_the_peak_and_its_losses_in_a_row(results, drawdown, losses):
    pnls = [(kind == "exit", Decimal(pnl)) for kind, pnl in results]

    assert record_of(pnls, capital=Decimal(1000)) == Record(Decimal(drawdown), losses)


@pytest.mark.parametrize(
    ("zone", "now", "start"),
    [
        ("UTC", datetime(2026, 11, 21, 23, 59, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)),
        ("UTC", datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 11, 21, 15, tzinfo=UTC), datetime(2026, 11, 21, 15, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 11, 21, 14, 59, tzinfo=UTC), datetime(2026, 11, 20, 15, tzinfo=UTC)),
        # The day on which Berlin's clocks go back has 25 hours, and began at 22:00 UTC.
        ("Europe/Berlin", datetime(2026, 10, 25, 22, 59, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, 23, 0, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_the_day_begins_at_the_midnight_of_the_bots_time_zone(zone, now, start):
    assert day_start(now, zone) == start


@given(st.integers(1_577_836_800, 1_893_456_000), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]))
def test_a_day_lasts_23_to_25_hours_and_has_begun(seconds, zone):
    now = datetime.fromtimestamp(seconds, tz=UTC)

    age = now - day_start(now, zone)

    assert timedelta(0) <= age < timedelta(hours=25)


def test_every_reason_has_a_status():
    assert set(STATUS_OF) == set(Reason)
    assert set(STATUS_OF.values()) == {Status.RUNNING, Status.WAITING, Status.PAUSED, Status.ERROR}
