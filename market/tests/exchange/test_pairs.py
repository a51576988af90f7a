"""A stop and a target as one order list (OCO), on spot: one of them executes at most."""

import pytest

from market.exchange.errors import OrderNotFound, OrderRejected, OutcomeUnknown, TriggersAtOnce
from market.exchange.types import OrderReport, ReportStatus
from market.tests.exchange.orders import SYMBOL, order, pair
from market.types import OrderType, Side

ENDED = {ReportStatus.CANCELED, ReportStatus.EXPIRED}
# The side of the position's exit with the triggers of stop and target, and a price that reaches either.
PAIRS = [
    (Side.SELL, "49000", "51000", {"stop": "48900", "target": "51100"}),
    (Side.BUY, "51000", "49000", {"stop": "51100", "target": "48900"}),
]


def ask(spot, request) -> OrderReport:
    return spot.find_order(request.symbol, request.client_order_id, request.type)


@pytest.mark.parametrize(("side", "stop", "target", "_"), PAIRS)
def test_both_orders_of_a_pair_wait(spot, side, stop, target, _):
    request = pair(stop, target, side)

    stop_report, target_report = spot.submit_pair(request)

    assert (ask(spot, request.stop), ask(spot, request.target)) == (stop_report, target_report)
    for report, leg in ((stop_report, request.stop), (target_report, request.target)):
        assert (report.client_order_id, report.status) == (leg.client_order_id, ReportStatus.OPEN)
        assert (report.executed_quantity, report.fills) == (0, ())


@pytest.mark.parametrize(("side", "stop", "target", "reached"), PAIRS)
@pytest.mark.parametrize("fires", ["stop", "target"])
def test_one_order_of_a_pair_fires_and_the_other_ends(spot, hold, wait_until, side, stop, target, reached, fires):
    request = pair(stop, target, side, quantity="0.2")
    fired, other = (request.stop, request.target) if fires == "stop" else (request.target, request.stop)
    spot.submit_pair(request)

    hold(reached[fires])
    wait_until(lambda: ask(spot, fired).status == ReportStatus.FILLED)

    report = ask(spot, fired)
    assert report.executed_quantity == sum(fill.quantity for fill in report.fills) == fired.quantity
    assert ask(spot, other).status in ENDED
    assert ask(spot, other).fills == ()
    assert spot.open_orders() == []


@pytest.mark.parametrize("leg", ["stop", "target"])
def test_a_cancel_of_either_order_takes_both(spot, leg):
    request = pair("49000", "51000")
    spot.submit_pair(request)
    named: object = getattr(request, leg)

    spot.cancel(SYMBOL, named.client_order_id, named.type)

    assert {ask(spot, order).status for order in (request.stop, request.target)} == {ReportStatus.CANCELED}
    assert spot.open_orders() == []


def test_a_pair_locks_its_quantity_once(spot):
    spot.submit_pair(pair("49000", "51000", quantity="2"))

    assert {balance.asset: balance.locked for balance in spot.balances()}["BTC"] == 2


@pytest.mark.parametrize("price", ["48000", "52000"])
def test_a_pair_one_of_whose_triggers_has_been_passed_says_so(spot, hold, price):
    hold(price)
    request = pair("49000", "51000")

    with pytest.raises(TriggersAtOnce) as caught:
        spot.submit_pair(request)

    assert caught.value.code == -2010
    for leg in (request.stop, request.target):
        with pytest.raises(OrderNotFound):
            ask(spot, leg)


@pytest.mark.parametrize("name", ["drop_after", "truncated", "nan"])
def test_a_pair_with_a_spoilt_answer_is_in_doubt_and_is_found_afterwards(spot, fault, name):
    request = pair("49000", "51000")
    fault(name, match={"method": "POST"}, times=1)

    with pytest.raises(OutcomeUnknown):
        spot.submit_pair(request)

    assert {ask(spot, leg).status for leg in (request.stop, request.target)} == {ReportStatus.OPEN}


def test_a_pair_beyond_the_number_of_conditional_orders_is_rejected(spot):
    """Five at a time on one symbol, so two pairs and one order."""
    for _ in range(2):
        spot.submit_pair(pair("49000", "51000", quantity="0.1"))

    with pytest.raises(OrderRejected, match="MAX_NUM_ALGO_ORDERS"):
        spot.submit_pair(pair("49000", "51000", quantity="0.1"))

    spot.submit(order(OrderType.STOP, Side.SELL, price="49000"))


def test_futures_have_no_pairs(futures):
    with pytest.raises(OrderRejected, match="no pairs"):
        futures.submit_pair(pair("49000", "51000"))
