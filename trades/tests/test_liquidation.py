"""How far the liquidation is, and whether that is far enough. Plain rules."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.exchange.types import MarginBracket
from market.types import Side
from trades.liquidation import Outlook, Terms, comes_first, liquidation_price, margin_of, too_near

# The first three of BTCUSDT.
BRACKETS = [
    MarginBracket(Decimal("0.004"), Decimal(0)),
    MarginBracket(Decimal("0.005"), Decimal(300)),
    MarginBracket(Decimal("0.0065"), Decimal(1500)),
]
ENTRY = Outlook(
    side=Side.BUY,
    quantity=Decimal("0.1"),
    price=Decimal(50_000),
    margin=Decimal(500),  # leverage 10
    brackets=BRACKETS,
    stop_percent=Decimal(5),
    least_percent=Decimal(9),
)
SHORT = replace(ENTRY, side=Side.SELL)


def price_of(outlook):
    return liquidation_price(
        outlook.side,
        quantity=outlook.quantity,
        price=outlook.price,
        margin=outlook.margin,
        brackets=outlook.brackets,
    )


@pytest.mark.parametrize(
    ("outlook", "price"),
    [
        (ENTRY, "45180.72"),  # (5000 - 500) / (0.1 × 0.996)
        (SHORT, "54780.88"),  # (5000 + 500) / (0.1 × 1.004)
        (replace(ENTRY, brackets=[]), "45000.00"),
        (replace(SHORT, margin=Decimal(5000)), "99601.59"),
    ],
)
def test_the_liquidation_is_where_margin_and_loss_meet_what_the_position_needs(outlook, price):
    assert f"{price_of(outlook):.2f}" == price


def test_a_long_position_that_is_paid_in_full_is_never_liquidated():
    assert price_of(replace(ENTRY, margin=Decimal(5000))) is None
    assert too_near(replace(ENTRY, margin=Decimal(5000), stop_percent=None)) is None


def needed_at(notional):
    """What the exchange asks, by the bracket that the notional is in."""
    floors = [(800_000, BRACKETS[2]), (300_000, BRACKETS[1]), (0, BRACKETS[0])]
    bracket = next(bracket for floor, bracket in floors if notional >= floor)
    return notional * bracket.ratio - bracket.deduction


@given(
    side=st.sampled_from(Side),
    quantity=st.decimals(min_value="0.001", max_value=40, places=3),
    leverage=st.integers(2, 50),
)
def test_at_the_liquidation_price_the_exchanges_own_rule_is_met_whatever_the_bracket(side, quantity, leverage):
    outlook = replace(ENTRY, side=side, quantity=quantity, margin=quantity * 50_000 / leverage)

    price = price_of(outlook)

    equity = outlook.margin + side.sign * quantity * (price - outlook.price)
    assert abs(equity - needed_at(quantity * price)) < Decimal("1e-9") * quantity * price


@pytest.mark.parametrize(
    ("outlook", "words"),
    [
        (ENTRY, None),
        (SHORT, None),
        (replace(ENTRY, stop_percent=Decimal("8.7")), None),
        (
            replace(ENTRY, stop_percent=Decimal("8.9")),
            "the liquidation would be 9.64 % away; with the stop 8.9 % away it must be at least 9.79 %",
        ),
        (
            replace(SHORT, stop_percent=Decimal("8.9")),
            "the liquidation would be 9.56 % away; with the stop 8.9 % away it must be at least 9.79 %",
        ),
        (replace(ENTRY, stop_percent=None), None),
        (
            replace(ENTRY, stop_percent=None, least_percent=Decimal(10)),
            "the liquidation would be 9.64 % away; without a stop loss it must be at least 10.00 %",
        ),
    ],
)
def test_an_entry_whose_liquidation_is_too_near_is_denied_with_limit_and_value(outlook, words):
    found = too_near(outlook)

    assert (found and found.detail) == words
    assert found is None or found.value < found.limit


@pytest.mark.parametrize(
    ("side", "liquidation", "stop", "first"),
    [
        (Side.BUY, 47_600, 5, True),
        (Side.BUY, 47_400, 5, False),
        (Side.SELL, 52_400, 5, True),
        (Side.SELL, 52_600, 5, False),
        (Side.BUY, None, 5, False),
        # Without a stop: far nearer than the 10 % which an entry needs.
        (Side.BUY, 45_500, None, True),
        (Side.BUY, 45_200, None, False),
    ],
)
def test_a_liquidation_that_the_exchange_tells_is_held_against_the_stop(side, liquidation, stop, first):
    found = comes_first(
        side,
        entry_price=Decimal(50_000),
        liquidation_price=liquidation and Decimal(liquidation),
        stop_percent=stop and Decimal(stop),
        least_percent=Decimal(10),
    )

    assert found is first


def test_isolated_a_position_stands_for_itself_and_crossed_the_capital_stands_for_it():
    terms = Terms(leverage=5, is_isolated=True, backing=Decimal(1000), stop_percent=None)

    assert margin_of(terms, Decimal(2500)) == 500
    assert margin_of(replace(terms, is_isolated=False), Decimal(2500)) == 1000
