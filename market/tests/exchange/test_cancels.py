"""Cancels on both markets: of each type of order, too late, and with an answer that got lost."""

import pytest

from market.exchange.errors import OrderNotFound, OrderRejected, OutcomeUnknown, PermissionDenied, RateLimited
from market.exchange.types import OrderReport, ReportStatus
from market.tests.exchange.orders import SYMBOL, client_id, order
from market.types import OrderType, Side

RESTING = {OrderType.LIMIT: "49500", OrderType.STOP: "51000", OrderType.TARGET: "49000"}
# Where an order of that type is cancelled on futures.
DELETES = {"path": "/fapi/v1/order"}


def resting(gateway, kind: OrderType):
    """An open purchase of that type."""
    request = order(kind, price=RESTING[kind])
    gateway.submit(request)
    return request


def ask(gateway, request) -> OrderReport:
    return gateway.find_order(request.symbol, request.client_order_id, request.type)


def cancel(gateway, request) -> None:
    gateway.cancel(request.symbol, request.client_order_id, request.type)


@pytest.mark.parametrize("kind", RESTING)
def test_a_cancelled_order_is_cancelled_and_its_money_free(gateway, kind):
    before = gateway.balances()
    request = resting(gateway, kind)

    cancel(gateway, request)

    report = ask(gateway, request)
    assert (report.status, report.executed_quantity, report.fills) == (ReportStatus.CANCELED, 0, ())
    assert gateway.open_orders() == []
    assert gateway.balances() == before


@pytest.mark.parametrize("kind", RESTING)
def test_an_order_that_was_never_sent_can_not_be_cancelled(gateway, kind):
    with pytest.raises(OrderNotFound) as caught:
        gateway.cancel(SYMBOL, client_id(), kind)

    assert caught.value.code == -2011


@pytest.mark.parametrize("kind", RESTING)
def test_an_order_is_cancelled_once(gateway, kind):
    request = resting(gateway, kind)
    cancel(gateway, request)

    with pytest.raises(OrderNotFound):
        cancel(gateway, request)


def test_a_cancel_that_loses_the_race_finds_nothing_and_the_order_filled(gateway, fault):
    request = resting(gateway, OrderType.LIMIT)
    fault("cancel_loses", times=1)

    with pytest.raises(OrderNotFound):
        cancel(gateway, request)

    report = ask(gateway, request)
    assert report.status == ReportStatus.FILLED
    assert sum(fill.quantity for fill in report.fills) == request.quantity


@pytest.mark.parametrize("kind", [OrderType.STOP, OrderType.TARGET])
def test_a_conditional_order_that_has_been_triggered_can_not_be_cancelled(gateway, hold, wait_until, kind):
    request = resting(gateway, kind)
    hold({OrderType.STOP: "51100", OrderType.TARGET: "48900"}[kind], market=gateway.market)
    wait_until(lambda: ask(gateway, request).status == ReportStatus.FILLED)

    with pytest.raises(OrderNotFound):
        cancel(gateway, request)


def test_a_partly_filled_order_is_cancelled_with_its_fills(gateway, fault):
    fault("partial_fill", match={"method": "POST"}, times=1, fill_percent=30, rest_seconds=3600)
    request = order(OrderType.LIMIT, price="51000")
    gateway.submit(request)

    cancel(gateway, request)

    report = ask(gateway, request)
    assert report.status == ReportStatus.CANCELED
    assert report.executed_quantity == sum(fill.quantity for fill in report.fills) == request.quantity * 3 / 10


@pytest.mark.parametrize("kind", RESTING)
@pytest.mark.parametrize("name", ["drop_after", "truncated", "html_after"])
def test_a_cancel_with_a_spoilt_answer_is_in_doubt_and_was_done(gateway, fault, kind, name):
    request = resting(gateway, kind)
    fault(name, match={"method": "DELETE"}, times=1)

    with pytest.raises(OutcomeUnknown):
        cancel(gateway, request)

    assert ask(gateway, request).status == ReportStatus.CANCELED


@pytest.mark.parametrize("kind", RESTING)
def test_a_cancel_that_got_lost_is_in_doubt_and_was_not_done(gateway, fault, kind):
    request = resting(gateway, kind)
    fault("drop_before", match={"method": "DELETE"}, times=1)

    with pytest.raises(OutcomeUnknown):
        cancel(gateway, request)

    assert ask(gateway, request).status == ReportStatus.OPEN


@pytest.mark.parametrize(
    ("name", "error", "fields"),
    [
        ("too_many_requests", RateLimited, {}),
        ("key_revoked", PermissionDenied, {}),
        ("error_before", OutcomeUnknown, {"like": "unknown"}),
        ("error_before", OutcomeUnknown, {"like": "internal"}),
        ("error_before", RateLimited, {"like": "throttled"}),
        ("error_before", OrderRejected, {"status": 400, "code": -1021, "msg": "Timestamp for this request …"}),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
@pytest.mark.parametrize("kind", [OrderType.LIMIT, OrderType.STOP])
def test_a_cancel_that_was_refused_leaves_the_order_open(gateway, fault, kind, name, error, fields):
    request = resting(gateway, kind)
    fault(name, match={"method": "DELETE"}, times=1, **fields)

    with pytest.raises(error):
        cancel(gateway, request)

    assert ask(gateway, request).status == ReportStatus.OPEN


def test_futures_that_are_unavailable_have_cancelled_nothing_and_spot_may_have(spot, futures, fault):
    requests = {gateway: resting(gateway, OrderType.LIMIT) for gateway in (spot, futures)}
    fault("error_before", match={"method": "DELETE"}, like="unavailable")

    with pytest.raises(RateLimited):
        cancel(futures, requests[futures])
    with pytest.raises(OutcomeUnknown):
        cancel(spot, requests[spot])


def test_a_position_keeps_its_stop_when_another_order_is_cancelled(futures):
    futures.submit(order(quantity="0.1"))
    stop = order(OrderType.STOP, Side.SELL, price="49000", reduce_only=True)
    futures.submit(stop)
    other = resting(futures, OrderType.LIMIT)

    cancel(futures, other)

    assert [found.client_order_id for found in futures.open_orders()] == [stop.client_order_id]
