"""Orders on a bad line: whatever happens, an order is sent at most once and never given up while it may be live."""

import traceback
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from market.exchange.adapter import SpotGateway
from market.exchange.errors import OrderRejected, OutcomeUnknown
from market.exchange.types import OrderRequest, ReportStatus
from market.tests.orders import BAD_ANSWERS, ORDER, PLACED, SECRET, SENT, TIME, failure, posts
from market.tests.servers import answer, answer_and_close, drop, hosts_at, reset, server_time
from market.types import milliseconds


def test_an_order_leaves_with_the_moment_and_window_that_were_written_down(gateway, wayward):
    report = gateway.submit(SENT)

    sent = wayward.asked(ORDER)[0].params
    assert abs(int(sent["timestamp"]) - milliseconds(SENT.signed_at)) < 200  # but for the offset of the clocks
    assert (sent["recvWindow"], sent["newClientOrderId"], sent["quantity"]) == ("4321", "tb-1-e", "0.0012")
    assert (sent["type"], sent["side"], sent["newOrderRespType"]) == ("MARKET", "BUY", "FULL")
    assert not {"signedAtMs", "validForMs"} & set(sent)
    assert (report.status, report.exchange_order_id) == (ReportStatus.FILLED, 42)
    assert report.fills[0].quote_quantity == Decimal("116.400120")


def test_an_old_order_keeps_its_old_moment(gateway, wayward):
    signed_at = timezone.now() - timedelta(hours=1)

    gateway.submit(OrderRequest(**{**vars(SENT), "signed_at": signed_at}))

    assert abs(int(wayward.asked(ORDER)[0].params["timestamp"]) - milliseconds(signed_at)) < 200


def test_the_moment_is_told_in_the_time_of_the_exchange(gateway, wayward):
    wayward.will(TIME, server_time(timedelta(minutes=3)))

    gateway.submit(SENT)

    told = int(wayward.asked(ORDER)[0].params["timestamp"]) - milliseconds(SENT.signed_at)
    assert abs(told - 180_000) < 200


@pytest.mark.parametrize("behaviour", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_an_order_with_a_bad_answer_is_in_doubt_and_was_sent_once(gateway, wayward, behaviour):
    wayward.will(ORDER, behaviour, answer(PLACED))

    error = failure(gateway)

    assert type(error) is OutcomeUnknown
    assert posts(wayward) == 1
    assert len(wayward.asked(ORDER)) == 1


def test_an_order_without_an_answer_in_time_is_in_doubt_and_was_sent_once(gateway, wayward):
    wayward.will(ORDER, wayward.hang)

    error = failure(gateway)

    assert type(error) is OutcomeUnknown
    assert posts(wayward) == 1


def test_an_order_is_sent_once_over_a_new_connection_when_the_old_one_was_closed(gateway, wayward):
    wayward.will(TIME, server_time(then=answer_and_close))

    report = gateway.submit(SENT)

    assert report.status == ReportStatus.FILLED
    assert posts(wayward) == 1
    assert wayward.connections == 2


@pytest.mark.parametrize("breaks", [drop, reset])
def test_an_order_on_a_connection_that_breaks_as_it_arrives_is_not_sent_again(gateway, wayward, breaks):
    gateway.submit(SENT)
    wayward.will(ORDER, breaks, answer(PLACED))

    error = failure(gateway)

    assert type(error) is OutcomeUnknown
    assert posts(wayward) == 2  # the first order and this one
    assert wayward.connections == 1  # it was the kept connection


def test_an_order_after_one_without_an_answer_hears_its_own_answer(gateway, wayward):
    wayward.will(ORDER, wayward.hang, answer({**PLACED, "clientOrderId": "tb-2-e", "orderId": 43}))
    failure(gateway)

    report = gateway.submit(OrderRequest(**{**vars(SENT), "client_order_id": "tb-2-e"}))

    assert report.exchange_order_id == 43


def test_an_order_to_nobody_was_not_sent(no_waiting, free_port):
    gateway = SpotGateway(hosts_at(f"http://127.0.0.1:{free_port}"), api_key="key", api_secret=SECRET)

    error = failure(gateway)

    assert type(error) is OrderRejected
    assert str(error).startswith("not sent")


def test_an_order_refused_a_connection_after_the_clock_was_measured_was_not_sent(wayward, gateway, free_port):
    gateway.submit(SENT)
    gateway._client.API_URL = f"http://127.0.0.1:{free_port}/api"

    error = failure(gateway)

    assert type(error) is OrderRejected
    assert str(error) == "not sent: ConnectionError while talking to the exchange"


@pytest.mark.parametrize("behaviour", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_no_trace_of_a_failed_order_shows_secret_or_signature(gateway, wayward, behaviour):
    wayward.will(ORDER, behaviour)

    error = failure(gateway)

    written = "".join(traceback.format_exception(error))
    assert SECRET not in written
    assert wayward.asked(ORDER)[0].params["signature"] not in written
