"""How long, and how many at once, wait for an exchange that does not answer."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from market.exchange import public_gateway
from market.exchange.adapter import SpotGateway
from market.exchange.errors import ExchangeUnavailable, OrderRejected, OutcomeUnknown
from market.paper_accounts import open_paper_account
from market.patience import MOST_WAITING, TooManyWaiting, at_most, is_over, patiently
from market.store import shared
from market.tests.orders import ORDER, SENT
from market.tests.servers import answer, hosts_at

PRICES = "/api/v3/ticker/price"
SHORT = 0.4


def took(act) -> float:
    """How many seconds it takes until it says that the exchange is not there."""
    begun = monotonic()
    with pytest.raises(ExchangeUnavailable):
        act()
    return monotonic() - begun


def test_an_exchange_that_hangs_is_waited_for_so_long_and_not_asked_again(exchange):
    exchange.will(PRICES, exchange.hang)

    with patiently(SHORT):
        seconds = took(public_gateway("paper", "spot").prices)

    assert SHORT - 0.05 < seconds < SHORT + 1
    assert len(exchange.asked(PRICES)) == 1


def test_what_fails_again_and_again_is_tried_for_so_long_alone(exchange, monkeypatch):
    exchange.will(PRICES, answer("", 502))
    monkeypatch.undo()  # with the pauses between the tries

    with patiently(0.1):
        seconds = took(public_gateway("paper", "spot").prices)

    assert seconds < 0.1 + 0.5
    assert len(exchange.asked(PRICES)) < 4


def test_outside_of_a_block_nothing_is_shorter_than_it_was(exchange):
    exchange.will(PRICES, answer("", 502))

    took(public_gateway("paper", "spot").prices)

    assert len(exchange.asked(PRICES)) == 4
    assert (at_most(12), is_over()) == (12, False)


def test_what_others_fetch_is_waited_for_no_longer_either(redis):
    redis.lock("a key:fetch", timeout=30).acquire()

    def fetch():
        raise ExchangeUnavailable("it hangs")

    with patiently(SHORT):
        seconds = took(lambda: shared("a key", read=lambda packed: packed, fetch=fetch, keep=timedelta(seconds=1)))

    assert seconds < SHORT + 1


def test_opening_a_paper_account_takes_no_longer_either(exchange):
    exchange.will("/paper/accounts", exchange.hang)

    with patiently(SHORT):
        seconds = took(lambda: open_paper_account("mine", {}))

    assert seconds < SHORT + 1


def test_an_order_that_had_left_is_in_doubt_and_one_that_had_not_is_no_order(wayward):
    gateway = SpotGateway(hosts_at(wayward.url), api_key="key", api_secret="secret")
    gateway.prepare()
    wayward.will(ORDER, wayward.hang)

    with patiently(SHORT):
        with pytest.raises(OutcomeUnknown):
            gateway.submit(replace(SENT, signed_at=datetime.now(UTC)))
        with pytest.raises(OrderRejected, match="not sent"):
            gateway.submit(replace(SENT, signed_at=datetime.now(UTC)))

    assert len(wayward.asked(ORDER)) == 1


def test_of_many_two_wait_and_the_others_are_told_at_once():
    go, waiting = threading.Event(), threading.Barrier(MOST_WAITING + 1)

    def wait():
        with patiently():
            waiting.wait(10)
            go.wait(10)

    with ThreadPoolExecutor(MOST_WAITING) as pool:
        begun = [pool.submit(wait) for _ in range(MOST_WAITING)]
        waiting.wait(10)
        with pytest.raises(TooManyWaiting, match="2 requests wait"), patiently():
            pass
        go.set()
        for one in begun:
            one.result()
    with patiently():  # the places are free again
        assert not is_over()


def test_a_block_within_a_block_takes_no_second_place_and_has_the_time_of_the_outer_one():
    with patiently(SHORT), patiently(100), patiently(100):
        assert at_most(100) <= SHORT


def test_a_place_is_given_back_whatever_happens():
    for _ in range(2 * MOST_WAITING):
        with pytest.raises(ZeroDivisionError), patiently():
            raise ZeroDivisionError
