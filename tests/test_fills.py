"""Fills told by reply, answers and stream, shuffled and repeated; ``manage.py bench fills`` books 100,000 of them."""

import secrets
from random import Random
from unittest.mock import patch

import pytest

from tests.bench.deliveries import deliveries, histories
from tests.bench.shuffled import book_shuffled
from trades import booking

pytestmark = pytest.mark.django_db(transaction=True)


def test_fills_in_any_order_and_told_up_to_five_times_come_to_the_same_to_the_last_digit():
    seed = secrets.randbelow(2**32)

    booked = book_shuffled(2_000, seed=seed)

    assert booked.differences == [], f"seed {seed}"
    assert booked.counts["told"] > 2 * booked.counts["fills"]


def test_fills_counted_in_the_order_of_their_arrival_would_not():
    def as_they_come(figures, new, **_):
        return booking._counted(figures, new)

    with patch("trades.services.records.book", as_they_come):
        booked = book_shuffled(200, seed=1)

    assert len(booked.differences) > 100


def test_each_fill_is_told_one_to_five_times_by_every_way():

    dice = Random(1)

    told = [(order, list(deliveries(order, dice))) for order in histories(3_000, 20, dice, "BTC")]

    times = [sum(fill in report.fills for report in reports) for order, reports in told for fill in order.fills]
    assert (min(times), max(times), len(times)) == (1, 5, 3_000)
    assert any(len(report.fills) == len(order.fills) > 1 for order, reports in told for report in reports)
    assert any(1 < len(report.fills) < len(order.fills) for order, reports in told for report in reports)
    assert any(report.fills[0] != order.fills[0] for order, reports in told for report in reports)
