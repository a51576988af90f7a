"""Transfers between the wallets on the wire: whose moment is signed, what an error means, what the history tells."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from market.exchange.adapter import FuturesGateway, SpotGateway
from market.exchange.errors import NotConfigured, OutcomeUnknown
from market.exchange.hosts import Hosts
from market.exchange.types import TransferReport
from market.tests.factories import NOON
from market.tests.servers import answer, hosts_at, server_time
from market.types import milliseconds

TRANSFER = "/sapi/v1/asset/transfer"
FIVE_SECONDS = timedelta(seconds=5)
ROW = {"asset": "USDT", "amount": "10.5", "type": "MAIN_UMFUTURE", "tranId": 7, "timestamp": milliseconds(NOON)}


def send(gateway, signed_at):
    return gateway.transfer("USDT", Decimal("10.50"), to_futures=True, signed_at=signed_at, valid_for=FIVE_SECONDS)


def told(gateway):
    return gateway.transfers(to_futures=True, since=NOON)


@pytest.fixture(params=[SpotGateway, FuturesGateway])
def either(request, wayward, no_waiting):
    """A gateway of each market."""
    wayward.will("/fapi/v1/time", server_time())
    return request.param(hosts_at(wayward.url), api_key="key", api_secret="secret")


def test_a_transfer_leaves_with_the_moment_that_was_written_down(either, wayward):
    wayward.will(TRANSFER, answer({"tranId": 13526853623}))
    signed_at = timezone.now() - timedelta(hours=1)

    transaction_id = send(either, signed_at)

    (call,) = wayward.asked(TRANSFER, "POST")
    assert transaction_id == 13526853623
    assert abs(int(call.params["timestamp"]) - milliseconds(signed_at)) < 200  # but for the offset of the clocks
    assert (call.params["recvWindow"], call.params["amount"], call.params["type"]) == ("5000", "10.5", "MAIN_UMFUTURE")


def test_service_unavailable_is_in_doubt_whichever_market_asks(either, wayward):
    wayward.will(TRANSFER, answer({"code": 0, "msg": "Service Unavailable."}, 503))

    with pytest.raises(OutcomeUnknown):
        send(either, timezone.now())

    assert len(wayward.asked(TRANSFER)) == 1


@pytest.mark.parametrize("body", [{}, {"tranId": "7"}, {"tranId": None}, [], "null"], ids=str)
def test_an_answer_without_a_transaction_id_is_in_doubt(either, wayward, body):
    wayward.will(TRANSFER, answer(body))

    with pytest.raises(OutcomeUnknown):
        send(either, timezone.now())


@pytest.mark.parametrize(
    ("status", "is_booked"), [("CONFIRMED", [True]), ("PENDING", [False]), ("NOVEL", [False]), ("FAILED", [])]
)
def test_the_history_tells_what_is_booked_and_what_is_under_way_but_not_what_has_failed(
    either, wayward, status, is_booked
):
    wayward.will(TRANSFER, answer({"total": 1, "rows": [ROW | {"status": status}]}))

    expected = [TransferReport(7, "USDT", Decimal("10.5"), to_futures=True, at=NOON, is_booked=it) for it in is_booked]
    assert told(either) == expected


def test_a_history_without_any_has_no_rows(either, wayward):
    wayward.will(TRANSFER, answer({"total": 0}))

    assert told(either) == []


def test_a_long_history_is_read_to_its_end_and_told_oldest_first(either, wayward):
    rows = [ROW | {"status": "CONFIRMED", "tranId": 1000 - number} for number in range(130)]
    pages = [{"total": 130, "rows": rows[:100]}, {"total": 131, "rows": rows[99:]}]
    wayward.will(TRANSFER, *map(answer, pages))

    assert [report.transaction_id for report in told(either)] == list(range(871, 1001))


def test_without_wallets_nothing_is_asked(wayward):
    gateway = SpotGateway(Hosts(wayward.url, wayward.url, None), api_key="key", api_secret="secret")

    with pytest.raises(NotConfigured):
        told(gateway)

    assert wayward.calls == []
