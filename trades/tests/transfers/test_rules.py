"""What is checked without asking anybody, and which entry of the exchange's history is ours."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from market.exchange.types import TransferReport
from market.tests.factories import NOON
from trades.transfers import (
    FOLLOWS,
    LIVE,
    SECOND_LOOK_AFTER,
    Sent,
    TransferDenied,
    TransferStatus,
    TransferWish,
    check_wish,
    clock_trouble,
)

LIMITS = {"USDT": Decimal(1000), "BTC": Decimal("0.1")}
WISH = TransferWish(1, 2, "USDT", Decimal("1000"), to_futures=True, key="rent", asked_by="a test")
SENT = Sent("USDT", Decimal(10), True, signed_at=NOON, valid_until=NOON + timedelta(seconds=65))
SAME = TransferReport(7, "USDT", Decimal("10.00"), to_futures=True, at=NOON, is_booked=True)


@pytest.mark.parametrize(
    "change",
    [{}, {"amount": Decimal("0.00000001")}, {"asset": "BTC", "amount": Decimal("0.1")}, {"key": "k" * 100}],
)
def test_a_wish_within_the_bounds_is_fine(change):
    check_wish(replace(WISH, **change), LIMITS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": Decimal("1000.00000001")}, "amount: 1000.00000001: above MAX_TRANSFER, 1000 USDT at once"),
        ({"asset": "BTC", "amount": Decimal("0.11")}, "amount: 0.11: above MAX_TRANSFER, 0.1 BTC at once"),
        ({"amount": Decimal(0)}, "amount: 0: below the smallest, 0.00000001"),
        ({"amount": Decimal(-1)}, "amount: -1: below the smallest"),
        ({"amount": Decimal("NaN")}, "amount: NaN: below the smallest"),
        ({"amount": Decimal("Infinity")}, "amount: Infinity: below the smallest"),
        ({"amount": Decimal("1.000000001")}, "amount: 1.000000001: not a multiple of 0.00000001"),
        ({"asset": "ETH"}, "asset: ETH: is not transferred here; MAX_TRANSFER allows: USDT, BTC"),
        ({"key": ""}, "key: '': has 0 characters, 1 to 100 are allowed"),
        ({"key": "k" * 101}, "has 101 characters"),
    ],
)
def test_a_wish_beyond_a_bound_is_denied_with_field_value_and_bound(change, message):
    with pytest.raises(TransferDenied) as denied:
        check_wish(replace(WISH, **change), LIMITS)

    assert message in str(denied.value)


@pytest.mark.parametrize(
    ("change", "is_ours"),
    [
        ({}, True),
        ({"at": NOON - timedelta(seconds=3)}, True),
        ({"at": NOON + timedelta(seconds=65)}, True),
        ({"is_booked": False}, True),
        ({"at": NOON - timedelta(seconds=4)}, False),
        ({"at": NOON + timedelta(seconds=66)}, False),
        ({"amount": Decimal("10.01")}, False),
        ({"asset": "USDC"}, False),
        ({"to_futures": False}, False),
        ({"transaction_id": 8}, False),
    ],
)
def test_what_is_equal_of_its_time_and_nobody_elses_may_be_ours(change, is_ours):
    report = replace(SAME, **change)

    assert SENT.matches([report], claimed={8, None}) == ([report] if is_ours else [])


@pytest.mark.parametrize(("offset", "is_fine"), [(-1.0, True), (1.0, True), (-1.1, False), (1.1, False)])
def test_a_clock_that_is_off_is_trouble(offset, is_fine):
    assert (clock_trouble(timedelta(seconds=offset)) == "") is is_fine


def test_no_status_but_absent_is_left_after_the_end():
    left = {before for befores in FOLLOWS.values() for before in befores}

    assert left - set(LIVE) == {TransferStatus.ABSENT}


def test_an_equal_transfer_after_an_absent_one_is_never_taken_for_its_late_birth():
    called_absent_at = SENT.valid_until + SECOND_LOOK_AFTER

    next_one = replace(SENT, signed_at=called_absent_at)

    assert next_one.since > SENT.valid_until
