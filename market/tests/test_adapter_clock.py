"""Whose clock: an order leaves with the moment that was written down, told in the time of the exchange."""

from datetime import timedelta

import pytest

from market.exchange.errors import OrderRejected, PermissionDenied, RateLimited
from market.tests.orders import ORDER, PLACED, SENT, TIME, failure, posts
from market.tests.servers import answer, drop, server_time
from market.types import milliseconds


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer({"code": -1003, "msg": "Too many requests."}, 429, {"Retry-After": "7"}), RateLimited),
        (answer("<html>teapot</html>", 418, {"Retry-After": "7"}), RateLimited),
        (answer({"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, 401), PermissionDenied),
        (answer("", 500), OrderRejected),
        (drop, OrderRejected),
        (answer({"serverTime": "soon"}), OrderRejected),
    ],
)
def test_an_order_without_a_measured_clock_stays_here_and_says_why(gateway, wayward, behaviour, kind):
    wayward.will(TIME, behaviour)

    error = failure(gateway)

    assert type(error) is kind
    assert posts(wayward) == 0
    if isinstance(error, RateLimited):
        assert error.retry_after == timedelta(seconds=7)


def test_a_clock_that_could_not_be_measured_is_measured_by_the_next_order(gateway, wayward):
    wayward.will(TIME, *[answer("", 500)] * 4, server_time(timedelta(minutes=3)))
    failure(gateway)

    gateway.submit(SENT)

    told = int(wayward.asked(ORDER)[0].params["timestamp"]) - milliseconds(SENT.signed_at)
    assert abs(told - 180_000) < 200


def test_a_clock_that_ran_away_is_measured_again_by_the_next_order(gateway, wayward):
    wayward.will(ORDER, answer(PLACED), answer({"code": -1021, "msg": "Timestamp for this request…"}, 400))
    gateway.submit(SENT)
    wayward.will(TIME, server_time(timedelta(minutes=3)))

    error = failure(gateway)
    failure(gateway)

    assert (type(error), error.code) == (OrderRejected, -1021)
    stamps = [int(call.params["timestamp"]) - milliseconds(SENT.signed_at) for call in wayward.asked(ORDER)]
    assert [round(stamp / 60_000) for stamp in stamps] == [0, 0, 3]


def test_a_read_whose_moment_was_refused_is_repeated_with_a_new_clock(gateway, wayward):
    refusal = answer({"code": -1021, "msg": "Timestamp for this request…"}, 400)
    wayward.will("/api/v3/account", refusal, answer({"balances": []}))
    wayward.will(TIME, server_time(), server_time(timedelta(minutes=3)))

    gateway.balances()

    first, second = (int(call.params["timestamp"]) for call in wayward.asked("/api/v3/account"))
    assert abs(second - first - 180_000) < 500


def test_the_pauses_between_tries_do_not_count_as_the_way_to_the_exchange(gateway, wayward, wait_until):
    wayward.will(TIME, wayward.hang, server_time())  # the first try takes the whole read timeout

    offset = gateway.clock_offset()

    assert abs(offset) < timedelta(milliseconds=100)
    assert len(wayward.asked(TIME)) == 2


def test_the_clock_is_measured_once_for_many_orders(gateway, wayward):
    for _ in range(3):
        gateway.submit(SENT)

    assert (len(wayward.asked(TIME)), posts(wayward)) == (1, 3)
