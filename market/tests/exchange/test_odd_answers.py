"""Answers of futures and of the wallet that the paper exchange never gives."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from market.exchange.adapter import FuturesGateway
from market.exchange.errors import ExchangeUnavailable
from market.exchange.types import OrderType, ReportStatus
from market.tests.exchange.acts import ALGO_ORDER, FUTURES_ORDER, SECRET, waits
from market.tests.exchange.orders import SYMBOL
from market.tests.servers import WaywardExchange, answer, hosts_at, server_time

FILLS, TRANSFERS = "/fapi/v1/userTrades", "/sapi/v1/asset/transfer"
UNKNOWN = answer({"code": -2013, "msg": "Order does not exist."}, 400)
FILLED = {"orderId": 99, "clientOrderId": "tb-s", "status": "FILLED", "executedQty": "0.100"}
FILL: dict[str, Any] = {
    "id": 7,
    "orderId": 99,
    "price": "49000.10",
    "qty": "0.100",
    "side": "SELL",
    "time": 1_700_000_000_123,
    "commission": "2.45",
    "commissionAsset": "USDT",
}


@pytest.fixture
def gateway(wayward: WaywardExchange, no_waiting: None) -> FuturesGateway:
    """Its order has become another one and is filled, as far as that is asked for."""
    wayward.will("/fapi/v1/time", server_time())
    wayward.will(FUTURES_ORDER, answer(FILLED))
    wayward.will(FILLS, answer([FILL]))
    return FuturesGateway(hosts_at(wayward.url), api_key="key", api_secret=SECRET)


def asked_by(wayward: WaywardExchange) -> list[dict[str, str]]:
    """By which ids the ordinary order was asked for."""
    ids = ("orderId", "origClientOrderId")
    return [{name: call.params[name] for name in ids if name in call.params} for call in wayward.asked(FUTURES_ORDER)]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("NEW", ReportStatus.OPEN),
        ("TRIGGERING", ReportStatus.OPEN),
        ("CANCELED", ReportStatus.CANCELED),
        ("EXPIRED", ReportStatus.EXPIRED),
        ("REJECTED", ReportStatus.REJECTED),
    ],
)
@pytest.mark.parametrize("actual", [{}, {"actualOrderId": ""}])
def test_a_conditional_order_that_became_no_other_is_told_of_by_itself(gateway, wayward, told, status, actual):
    wayward.will(ALGO_ORDER, answer(waits("tb-s") | {"algoStatus": told} | actual))

    report = gateway.find_order(SYMBOL, "tb-s", OrderType.STOP)

    assert (report.status, report.exchange_order_id, report.executed_quantity) == (status, 42, 0)
    assert asked_by(wayward) == []


@pytest.mark.parametrize("told", ["TRIGGERED", "FINISHED"])
@pytest.mark.parametrize("actual", [{}, {"actualOrderId": ""}])
def test_a_triggered_order_that_does_not_say_what_it_became_is_asked_for_by_its_client_id(
    gateway, wayward, told, actual
):
    wayward.will(ALGO_ORDER, answer(waits("tb-s") | {"algoStatus": told} | actual))

    report = gateway.find_order(SYMBOL, "tb-s", OrderType.STOP)

    assert (report.status, report.exchange_order_id) == (ReportStatus.FILLED, 99)
    assert [fill.exchange_trade_id for fill in report.fills] == [7]
    assert asked_by(wayward) == [{"origClientOrderId": "tb-s"}]


@pytest.mark.parametrize("told", ["TRIGGERING", "TRIGGERED", "FINISHED", "CANCELED", "EXPIRED"])
def test_a_conditional_order_that_says_what_it_became_is_followed_whatever_its_status(gateway, wayward, told):
    wayward.will(ALGO_ORDER, answer(waits("tb-s") | {"algoStatus": told, "actualOrderId": "99"}))
    wayward.will(FUTURES_ORDER, answer(FILLED | {"clientOrderId": "an id of the exchange's own"}))

    report = gateway.find_order(SYMBOL, "tb-s", OrderType.STOP)

    assert (report.client_order_id, report.status, report.exchange_order_id) == ("tb-s", ReportStatus.FILLED, 99)
    assert report.executed_quantity == sum(fill.quantity for fill in report.fills) == Decimal("0.1")
    assert asked_by(wayward) == [{"orderId": "99"}]


@pytest.mark.parametrize(
    ("told", "actual", "expected_id"),
    [
        ("TRIGGERED", "99", 99),
        ("TRIGGERED", "", 42),
        ("FINISHED", "99", 99),
        ("FINISHED", "", 42),
        ("CANCELED", "99", 99),
    ],
)
def test_a_triggered_order_whose_result_nobody_shows_is_open(gateway, wayward, told, actual, expected_id):
    wayward.will(ALGO_ORDER, answer(waits("tb-s") | {"algoStatus": told, "actualOrderId": actual}))
    wayward.will(FUTURES_ORDER, UNKNOWN)

    report = gateway.find_order(SYMBOL, "tb-s", OrderType.STOP)

    assert (report.status, report.exchange_order_id, report.fills) == (ReportStatus.OPEN, expected_id, ())


def test_a_conditional_order_that_only_the_list_of_open_ones_shows_is_found(gateway, wayward):
    wayward.will(ALGO_ORDER, UNKNOWN)
    wayward.will("/fapi/v1/openAlgoOrders", answer([waits("tb-other"), waits("tb-s")]))
    wayward.will("/fapi/v1/allAlgoOrders", answer([]))

    report = gateway.find_order(SYMBOL, "tb-s", OrderType.STOP)

    assert (report.status, report.exchange_order_id) == (ReportStatus.OPEN, 42)


def test_what_was_triggered_between_two_lists_is_told_of_as_the_later_one_has_it(gateway, wayward):
    triggered = waits("tb-s") | {"algoStatus": "TRIGGERED", "actualOrderId": "99"}
    wayward.will(ALGO_ORDER, UNKNOWN)
    wayward.will("/fapi/v1/openAlgoOrders", answer([waits("tb-s")]))
    wayward.will("/fapi/v1/allAlgoOrders", answer([triggered]))

    assert gateway.find_order(SYMBOL, "tb-s", OrderType.STOP).status == ReportStatus.FILLED


@pytest.mark.parametrize(
    "spoilt",
    [
        {"algoStatus": "NOVEL"},
        {"algoId": "42"},
        {"clientAlgoId": "tb-other"},
        {"algoStatus": "TRIGGERED", "actualOrderId": "none"},
    ],
    ids=str,
)
def test_a_conditional_order_that_can_not_be_read_is_an_exchange_that_is_away(gateway, wayward, spoilt):
    wayward.will(ALGO_ORDER, answer(waits("tb-s") | spoilt))

    with pytest.raises(ExchangeUnavailable, match="can't be read"):
        gateway.find_order(SYMBOL, "tb-s", OrderType.STOP)


def test_an_order_that_is_in_both_lists_is_open_once(gateway, wayward):
    rows = {"symbol": SYMBOL, "side": "SELL", "price": "0", "stopPrice": "0"}
    ordinary = rows | {"orderId": 99, "clientOrderId": "tb-s", "type": "LIMIT", "origQty": "1", "executedQty": "0"}
    algo = rows | waits("tb-s") | {"orderType": "STOP", "quantity": "1", "triggerPrice": "49000"}
    wayward.will("/fapi/v1/openOrders", answer([ordinary]))
    wayward.will("/fapi/v1/openAlgoOrders", answer([algo, algo | {"clientAlgoId": "tb-t"}]))

    found = gateway.open_orders()

    assert [(item.client_order_id, item.kind) for item in found] == [("tb-s", "LIMIT"), ("tb-t", "STOP")]


def test_conditional_orders_are_listed_before_those_that_they_may_become(gateway, wayward):
    wayward.will("/fapi/v1/openOrders", answer([]))
    wayward.will("/fapi/v1/openAlgoOrders", answer([]))

    gateway.open_orders()

    assert [call.path for call in wayward.calls[-2:]] == ["/fapi/v1/openAlgoOrders", "/fapi/v1/openOrders"]


def test_transfers_that_failed_are_not_told_of_and_those_under_way_are_not_booked(gateway, wayward):
    rows = [
        {"tranId": number, "asset": "USDT", "amount": "5", "type": "UMFUTURE_MAIN", "status": status, "timestamp": 1000}
        for number, status in ((4, "PENDING"), (3, "CONFIRMED"), (2, "FAILED"), (1, "CONFIRMED"))
    ]
    wayward.will(TRANSFERS, answer({"total": 4, "rows": rows}))

    found = gateway.transfers(to_futures=False, since=timezone.now() - timedelta(days=1))

    assert [(report.transaction_id, report.is_booked) for report in found] == [(1, True), (3, True), (4, False)]


def test_no_transfers_are_an_answer_without_rows(gateway, wayward):
    wayward.will(TRANSFERS, answer({"total": 0}))

    assert gateway.transfers(to_futures=True, since=timezone.now()) == []


@pytest.mark.parametrize("said", [{}, {"rows": []}, {"total": 3}, []])
def test_a_history_of_transfers_that_can_not_be_read_is_not_an_empty_one(gateway, wayward, said):
    wayward.will(TRANSFERS, answer(said))

    with pytest.raises(ExchangeUnavailable, match="can't be read"):
        gateway.transfers(to_futures=True, since=timezone.now())
