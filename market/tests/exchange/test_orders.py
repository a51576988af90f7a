"""Orders of every type on both markets, over the real paper exchange: what is said of them then and later."""

from dataclasses import replace
from decimal import Decimal

import pytest

from market.exchange.errors import OrderNotFound, OrderRejected, OutcomeUnknown, TriggersAtOnce
from market.exchange.types import OrderReport, ReportStatus
from market.tests.exchange.orders import SYMBOL, order
from market.types import OrderType, Side

# A conditional order of each kind that waits at a price of 50,000, and the price that triggers it.
WAITING = [
    (OrderType.STOP, Side.SELL, "49000", "48990"),
    (OrderType.STOP, Side.BUY, "51000", "51010"),
    (OrderType.TARGET, Side.SELL, "51000", "51010"),
    (OrderType.TARGET, Side.BUY, "49000", "48990"),
]


def ask(gateway, request) -> OrderReport:
    return gateway.find_order(request.symbol, request.client_order_id, request.type)


def settled(wait_until, gateway, request) -> OrderReport:
    """The report of an order that the market has to reach first."""

    def done() -> OrderReport | None:
        report = ask(gateway, request)
        return report if report.status != ReportStatus.OPEN else None

    return wait_until(done)


@pytest.mark.parametrize("side", Side)
def test_a_market_order_and_the_question_after_it_tell_the_same_fills(gateway, side):
    request = order(side=side, quantity="0.123")

    placed = gateway.submit(request)

    assert placed.status == ReportStatus.FILLED
    assert placed.client_order_id == request.client_order_id
    assert placed.executed_quantity == sum(fill.quantity for fill in placed.fills) == Decimal("0.123")
    assert ask(gateway, request) == placed


def test_a_limit_order_rests_until_the_market_comes_to_it(gateway, hold, wait_until):
    request = order(OrderType.LIMIT, quantity="0.2", price="49500")

    placed = gateway.submit(request)
    found = ask(gateway, request)
    hold("49400", market=gateway.market)
    filled = settled(wait_until, gateway, request)

    assert placed == found
    assert (placed.status, placed.executed_quantity, placed.fills) == (ReportStatus.OPEN, 0, ())
    assert (filled.status, filled.exchange_order_id) == (ReportStatus.FILLED, placed.exchange_order_id)
    assert [(fill.price, fill.quantity) for fill in filled.fills] == [(Decimal(49_500), Decimal("0.2"))]


def test_a_limit_order_that_fills_at_once_is_told_of_when_it_is_asked_for(gateway):
    request = order(OrderType.LIMIT, price="51000")

    gateway.submit(request)
    found = ask(gateway, request)

    assert found.status == ReportStatus.FILLED
    assert sum(fill.quantity for fill in found.fills) == Decimal("0.1")


@pytest.mark.parametrize(("kind", "side", "trigger", "reached"), WAITING)
def test_a_conditional_order_waits_for_its_trigger_and_then_fills(
    gateway, hold, wait_until, kind, side, trigger, reached
):
    request = order(kind, side, price=trigger)

    placed = gateway.submit(request)
    found = ask(gateway, request)
    hold(reached, market=gateway.market)
    filled = settled(wait_until, gateway, request)

    assert placed == found
    assert (placed.status, placed.executed_quantity, placed.fills) == (ReportStatus.OPEN, 0, ())
    assert filled.status == ReportStatus.FILLED
    assert filled.executed_quantity == sum(fill.quantity for fill in filled.fills) == Decimal("0.1")
    assert all(abs(fill.price - Decimal(reached)) < 50 for fill in filled.fills)


def test_a_triggered_order_of_futures_is_told_of_by_the_order_that_it_became(futures, hold, wait_until):
    request = order(OrderType.STOP, Side.SELL, price="49000")

    waiting = futures.submit(request)
    hold("48000", market="futures")
    filled = settled(wait_until, futures, request)

    ordinary = futures.find_order(SYMBOL, request.client_order_id, OrderType.MARKET)
    assert filled == ordinary
    assert filled.exchange_order_id != waiting.exchange_order_id


@pytest.mark.parametrize(("kind", "side", "passed", "_"), WAITING)
def test_a_conditional_order_whose_trigger_has_been_passed_says_so(gateway, hold, kind, side, passed, _):
    hold({"49000": "48000", "51000": "52000"}[passed], market=gateway.market)
    request = order(kind, side, price=passed)

    with pytest.raises(TriggersAtOnce) as caught:
        gateway.submit(request)

    assert caught.value.code == {"spot": -2010, "futures": -2021}[gateway.market]
    with pytest.raises(OrderNotFound):
        ask(gateway, request)


@pytest.mark.parametrize("kind", [OrderType.MARKET, OrderType.STOP, OrderType.TARGET])
def test_an_order_that_only_reduces_is_refused_without_a_position(futures, kind):
    price = {OrderType.STOP: "49000", OrderType.TARGET: "51000"}.get(kind)

    with pytest.raises(OrderRejected) as caught:
        futures.submit(order(kind, Side.SELL, price=price, reduce_only=True))

    assert caught.value.code == -2022
    assert type(caught.value) is OrderRejected


def test_an_order_that_only_reduces_never_turns_a_position(futures):
    futures.submit(order(quantity="0.1"))

    report = futures.submit(order(side=Side.SELL, quantity="0.3", reduce_only=True))

    assert report.executed_quantity == Decimal("0.1")
    assert futures.positions() == []


def test_spot_knows_no_order_that_only_reduces_and_takes_it_as_any_other(spot):
    report = spot.submit(order(side=Side.SELL, reduce_only=True))

    assert report.status == ReportStatus.FILLED


def test_a_stop_that_triggers_when_its_position_is_gone_is_rejected(futures, hold, wait_until):
    futures.submit(order(quantity="0.1"))
    stop = order(OrderType.STOP, Side.SELL, price="49000", reduce_only=True)
    futures.submit(stop)
    futures.submit(order(side=Side.SELL, quantity="0.1"))

    hold("48000", market="futures")
    report = settled(wait_until, futures, stop)

    assert (report.status, report.executed_quantity, report.fills) == (ReportStatus.REJECTED, 0, ())


def test_what_a_thin_market_does_not_fill_expires(gateway, fault):
    fault("partial_fill", match={"market": gateway.market}, fill_percent=30)
    request = order(quantity="0.1")

    placed = gateway.submit(request)

    assert (placed.status, placed.executed_quantity) == (ReportStatus.EXPIRED, Decimal("0.03"))
    assert sum(fill.quantity for fill in placed.fills) == Decimal("0.03")
    assert ask(gateway, request) == placed


# --- doubt


@pytest.mark.parametrize("kind", OrderType)
@pytest.mark.parametrize("name", ["drop_after", "truncated", "html_after", "nan"])
def test_an_order_with_a_spoilt_answer_is_in_doubt_and_is_found_afterwards(gateway, fault, name, kind):
    prices = {OrderType.LIMIT: "49500", OrderType.STOP: "51000", OrderType.TARGET: "49000"}
    request = order(kind, price=prices.get(kind))
    fault(name, match={"method": "POST"}, times=1)

    if name == "nan" and gateway.market == "futures" and kind.is_conditional:
        gateway.submit(request)  # nothing that we read of such an answer is a decimal
    else:
        with pytest.raises(OutcomeUnknown):
            gateway.submit(request)

    assert ask(gateway, request).client_order_id == request.client_order_id


@pytest.mark.parametrize("kind", OrderType)
def test_an_order_sent_twice_by_somebody_else_is_in_doubt_while_the_first_is_open(gateway, kind):
    prices = {OrderType.LIMIT: "49500", OrderType.STOP: "51000", OrderType.TARGET: "49000"}
    request = order(kind, price=prices.get(kind))
    gateway.submit(request)

    if kind is OrderType.MARKET:  # filled, so the id is free again: this is why we never send twice
        assert gateway.submit(request).status == ReportStatus.FILLED
    else:
        with pytest.raises(OutcomeUnknown) as caught:
            gateway.submit(request)
        assert caught.value.code == {"spot": -2010, "futures": -4116}[gateway.market]


@pytest.mark.parametrize("kind", [OrderType.MARKET, OrderType.STOP])
def test_an_order_that_is_shown_late_is_not_found_at_first(gateway, fault, kind):
    request = order(kind, price="51000" if kind.is_conditional else None)
    fault("late_visibility", delay_seconds=3600)
    gateway.submit(request)

    with pytest.raises(OrderNotFound):
        ask(gateway, request)


# --- fills of futures, which the answer to an order lacks


@pytest.mark.parametrize(
    "trouble",
    [
        {"name": "drop_after"},
        {"name": "error_before", "status": 500},
        {"name": "error_before", "status": 400, "code": -1121},
        {"name": "key_revoked"},
        {"name": "too_many_requests"},
        {"name": "truncated"},
        {"name": "nan"},
    ],
    ids=lambda trouble: "-".join(str(value) for value in trouble.values()),
)
def test_an_accepted_order_stays_accepted_when_its_fills_can_not_be_read(futures, fault, trouble):
    fields = {name: value for name, value in trouble.items() if name != "name"}
    fault(trouble["name"], match={"path": "/fapi/v1/userTrades"}, times=1, **fields)
    request = order()

    placed = futures.submit(request)

    assert (placed.status, placed.executed_quantity, placed.fills) == (ReportStatus.FILLED, Decimal("0.1"), ())
    assert ask(futures, request) == replace(placed, fills=ask(futures, request).fills)


def test_fills_of_futures_that_are_shown_late_are_missing_at_first(futures, fault):
    fault("late_visibility", match={"path": "/fapi/v1/userTrades"}, delay_seconds=3600)

    placed = futures.submit(order())

    assert (placed.status, placed.executed_quantity, placed.fills) == (ReportStatus.FILLED, Decimal("0.1"), ())


# --- asking for conditional orders of futures


def test_a_conditional_order_that_its_query_denies_is_found_in_the_list_of_open_ones(futures, fault):
    request = order(OrderType.STOP, Side.SELL, price="49000")
    placed = futures.submit(request)
    denies = {"status": 400, "code": -2013, "msg": "Order does not exist."}
    fault("error_before", match={"path": "/fapi/v1/algoOrder", "method": "GET"}, **denies)

    assert ask(futures, request) == placed


def test_a_cancelled_conditional_order_that_its_query_denies_is_found_among_all(futures, fault):
    request = order(OrderType.STOP, Side.SELL, price="49000")
    futures.submit(request)
    futures.cancel(SYMBOL, request.client_order_id, request.type)
    denies = {"status": 400, "code": -2013, "msg": "Order does not exist."}
    fault("error_before", match={"path": "/fapi/v1/algoOrder", "method": "GET"}, **denies)

    assert ask(futures, request).status == ReportStatus.CANCELED


def test_a_triggered_order_that_no_list_of_conditional_ones_shows_is_found_as_the_order_that_it_became(
    futures, fault, hold, wait_until
):
    request = order(OrderType.STOP, Side.SELL, price="49000")
    futures.submit(request)
    hold("48000", market="futures")
    filled = settled(wait_until, futures, request)
    for path in ("algoOrder", "openAlgoOrders", "allAlgoOrders"):
        fault("late_visibility", match={"path": f"/fapi/v1/{path}"}, delay_seconds=3600)

    assert ask(futures, request) == filled


def test_a_triggered_order_whose_result_is_shown_late_is_open_until_then(futures, fault, hold, wait_until):
    request = order(OrderType.STOP, Side.SELL, price="49000")
    waiting = futures.submit(request)
    fault("late_visibility", match={"path": "/fapi/v1/order"}, delay_seconds=3600)
    hold("48000", market="futures")

    def became_another() -> OrderReport | None:
        report = ask(futures, request)
        return report if report.exchange_order_id != waiting.exchange_order_id else None

    report = wait_until(became_another)

    assert (report.status, report.executed_quantity, report.fills) == (ReportStatus.OPEN, 0, ())


def test_a_conditional_order_that_nobody_sent_is_not_found(futures):
    with pytest.raises(OrderNotFound):
        ask(futures, order(OrderType.STOP))
