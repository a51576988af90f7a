"""Funding."""

from __future__ import annotations

from decimal import Decimal

import pytest

from market.paper.engine.amounts import units
from market.paper.tests.futures_engine.desk import BTC, NOON, desk

RATE = units("0.0001")


@pytest.mark.parametrize(("side", "rate", "income"), [("BUY", 1, "-1"), ("SELL", 1, "1"), ("BUY", -1, "1")])
def test_who_is_long_pays_a_positive_rate_to_who_is_short(side, rate, income):
    made = desk()
    made.place(side, "0.1")
    before = made.wallet()

    (booked,) = made.engine.settle_funding(BTC, rate * RATE, units("100000"), NOON)

    assert (booked.income_type, booked.income, booked.asset, booked.symbol) == (
        *("FUNDING_FEE", units(income), "USDT", BTC),
    )
    assert made.wallet() - before == Decimal(income)


def test_funding_is_paid_on_the_mark_price():
    made = desk()
    made.place("BUY", "0.1")
    (booked,) = made.engine.settle_funding(BTC, RATE, units("90000"), NOON)
    assert booked.income == -units("0.9")


def test_who_holds_nothing_pays_nothing():
    made = desk()
    made.place("BUY", "0.1", "99000")
    assert made.engine.settle_funding(BTC, RATE, units("100000"), NOON) == []


def test_an_isolated_position_pays_out_of_its_own_margin():
    made = desk()
    made.engine.set_margin_type(1, BTC, "ISOLATED", NOON)
    made.place("BUY", "0.1")
    cross, margin = made.asset("cross_wallet"), made.position("isolated_wallet")
    made.engine.settle_funding(BTC, RATE, units("100000"), NOON)
    assert made.asset("cross_wallet") == cross
    assert made.position("isolated_wallet") == margin - 1


def test_funding_can_liquidate():
    made = desk()
    made.engine.set_margin_type(1, BTC, "ISOLATED", NOON)
    made.place("BUY", "0.1")
    made.engine.settle_funding(BTC, units("0.05"), units("100000"), NOON)
    made.market("100000")
    assert made.position() == 0
